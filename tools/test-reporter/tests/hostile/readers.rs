//! How the CI systems read a log, written from their documentation and not from the tool.

/// A command that a CI system took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    /// Keys and values; a single value has the key ``.
    pub(crate) values: Vec<(String, String)>,
}

impl Command {
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// TeamCity: `##teamcity[` anywhere in a line, until `disableServiceMessages`, which any `enableServiceMessages`
/// ends.
pub(crate) fn teamcity(log: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut is_listening = true;
    for line in log.split(['\n', '\r']) {
        let mut rest = line;
        while let Some(at) = rest.to_ascii_lowercase().find("##teamcity[") {
            rest = &rest[at + "##teamcity[".len()..];
            let Some((command, behind)) = message(rest) else {
                panic!("a message that cannot be read: {line}");
            };
            rest = behind;
            match command.name.as_str() {
                "disableServiceMessages" => is_listening = false,
                "enableServiceMessages" => is_listening = true,
                _ if is_listening => commands.push(command),
                _ => {}
            }
        }
    }
    commands
}

fn message(text: &str) -> Option<(Command, &str)> {
    let end = text.find([' ', ']'])?;
    let name = text[..end].to_owned();
    let mut rest = text[end..].trim_start();
    let mut values = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix(']') {
            return Some((Command { name, values }, behind));
        }
        let (key, value) = match rest.strip_prefix('\'') {
            Some(value) => ("", value),
            None => rest.split_once("='")?,
        };
        let (value, behind) = quoted(value)?;
        values.push((key.to_owned(), value));
        rest = behind.trim_start();
    }
}

/// Up to the quotation mark that no bar escapes.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let c = match c {
            '\'' => return Some((String::from_utf16(&units).ok()?, &text[at + 1..])),
            // Bare, they would end the message.
            '[' | ']' => return None,
            '|' => match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                'x' => '\u{85}',
                'l' => '\u{2028}',
                'p' => '\u{2029}',
                '0' => {
                    let digits: String = chars.by_ref().take(5).map(|(_, c)| c).collect();
                    units.push(u16::from_str_radix(digits.strip_prefix('x')?, 16).ok()?);
                    continue;
                }
                c @ ('|' | '\'' | '[' | ']') => c,
                _ => return None,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    None
}

/// GitHub's runner: `::name key=value,…::data` at the beginning of a line, the older `##[name key=value;…]data`
/// anywhere, nothing between `::stop-commands::word` and `::word::`.
pub(crate) fn github(log: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut stopped: Option<String> = None;
    for line in log.split(['\n', '\r']) {
        let Some(command) = workflow(line) else {
            continue;
        };
        match &stopped {
            Some(word) if command.name == *word => stopped = None,
            Some(_) => {}
            None if command.name == "stop-commands" => {
                stopped = Some(command.value("").unwrap_or_default().to_owned());
            }
            None => commands.push(command),
        }
    }
    assert_eq!(stopped, None, "the fence stands at the end");
    commands
}

fn workflow(line: &str) -> Option<Command> {
    let decoded = |text: &str| {
        text.replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%")
    };
    let (head, data, separator) = match line.trim_start().strip_prefix("::") {
        Some(text) => {
            let (head, data) = text.split_once("::")?;
            (head, data, ',')
        }
        None => {
            let (_, text) = line.split_once("##[")?;
            let (head, data) = text.split_once(']')?;
            (head, data, ';')
        }
    };
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let mut values = vec![(String::new(), decoded(data))];
    for property in properties.split(separator).filter(|text| !text.is_empty()) {
        let (key, value) = property.split_once('=')?;
        values.push((key.to_owned(), decoded(value)));
    }
    Some(Command {
        name: name.to_owned(),
        values,
    })
}

/// GitLab: names of sections that were begun or ended.
pub(crate) fn gitlab(log: &str) -> Vec<String> {
    ["section_start:", "section_end:"]
        .into_iter()
        .flat_map(|what| log.match_indices(what))
        .filter_map(|(at, _)| {
            let (head, _) = log[at..].split_once("\r\u{1b}[0K")?;
            let fields: Vec<&str> = head.split(':').collect();
            (fields.len() == 3 && fields[1].parse::<u64>().is_ok()).then(|| head.to_owned())
        })
        .collect()
}
