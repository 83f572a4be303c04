//! One logical line: which instruction it is, and what its arguments are.

use super::lines::{self, Line};
use super::words::{flags, json, pairs, quoted};
use super::{Action, Argument, Command, Copy, Flags, Healthcheck, Instruction, Stage, run};

/// What stands after the instruction's name, if that is its name in any case.
pub(crate) fn arguments_of<'a>(instruction: &str, text: &'a str) -> Option<&'a str> {
    let (name, rest) = named(text);
    name.eq_ignore_ascii_case(instruction).then_some(rest)
}

fn named(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((name, rest)) => (name, rest.trim()),
        None => (text, ""),
    }
}

/// FROM.
pub(crate) fn from(line: usize, arguments: &str, escape: char) -> Result<Stage, String> {
    let (flags, rest) = flags(arguments, escape);
    let mut flags = Flags::read("FROM", flags)?;
    let platform = flags.take("platform");
    flags.finish(&[])?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (base, name) = match words.as_slice() {
        [base] => (*base, None),
        [base, by, name] if by.eq_ignore_ascii_case("as") => {
            (*base, Some(name.to_ascii_lowercase()))
        }
        _ => return Err("FROM takes an image, or an image, AS and a name".to_owned()),
    };
    if let Some(name) = &name {
        let is_valid = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
        if !is_valid {
            return Err(format!(
                "{name} is no name for a stage: it begins with a letter and has letters, digits, -, _ and . only"
            ));
        }
    }
    Ok(Stage {
        line,
        name,
        base: base.to_owned(),
        platform,
        instructions: Vec::new(),
    })
}

/// Any other instruction.
pub(crate) fn parse(line: Line, escape: char) -> Result<Instruction, String> {
    let (name, arguments) = named(&line.text);
    let name = name.to_ascii_uppercase();
    let (flags, rest) = flags(arguments, escape);
    let flags = Flags::read(&name, flags)?;
    let action = match name.as_str() {
        "ADD" | "COPY" => copy(&name, flags, rest, line.documents)?,
        "HEALTHCHECK" => healthcheck(flags, rest)?,
        "RUN" => Action::Run(Box::new(run::run(flags, rest, line.documents)?)),
        _ => {
            flags.finish(&[])?;
            plain(&name, rest, escape)?
        }
    };
    Ok(Instruction {
        id: line.number,
        line: line.number,
        source: line.text,
        action,
    })
}

/// The instructions without flags.
fn plain(name: &str, rest: &str, escape: char) -> Result<Action, String> {
    let needs = |what: &str| {
        if rest.is_empty() {
            Err(format!("{name} needs {what}"))
        } else {
            Ok(rest.to_owned())
        }
    };
    Ok(match name {
        "ARG" => Action::Arg(arguments(&needs("a name")?, escape)?),
        "ENV" => Action::Env(pairs(name, rest, escape)?),
        "LABEL" => Action::Label(pairs(name, rest, escape)?),
        "WORKDIR" => Action::Workdir(needs("a directory")?),
        "USER" => Action::User(needs("a user")?),
        "EXPOSE" => Action::Expose(list(&needs("a port")?)?),
        "VOLUME" => Action::Volume(list(&needs("a directory")?)?),
        // Without arguments they take away what the base image has.
        "ENTRYPOINT" => Action::Entrypoint(command(rest)?),
        "CMD" => Action::Cmd(command(rest)?),
        "SHELL" => match json(rest)? {
            Some(words) if !words.is_empty() => Action::Shell(words),
            _ => return Err("SHELL takes a list: SHELL [\"program\", \"argument\"]".to_owned()),
        },
        "STOPSIGNAL" => Action::StopSignal(needs("a signal")?),
        "MAINTAINER" => Action::Maintainer(needs("a name")?),
        "ONBUILD" => on_build(&needs("an instruction")?)?,
        _ => return Err(unknown(name)),
    })
}

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

fn unknown(name: &str) -> String {
    let nearest = INSTRUCTIONS
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min();
    match nearest {
        Some((distance, known)) if distance <= 2 => {
            format!("{name} is no instruction; did you mean {known}?")
        }
        _ => format!("{name} is no instruction"),
    }
}

fn on_build(rest: &str) -> Result<Action, String> {
    let (trigger, _) = named(rest);
    let trigger = trigger.to_ascii_uppercase();
    match trigger.as_str() {
        "ONBUILD" | "FROM" | "MAINTAINER" => Err(format!("ONBUILD {trigger} is not allowed")),
        known if INSTRUCTIONS.contains(&known) => Ok(Action::OnBuild(rest.to_owned())),
        other => Err(unknown(other)),
    }
}

fn arguments(rest: &str, escape: char) -> Result<Vec<Argument>, String> {
    quoted(rest, escape)
        .into_iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) => Err(format!("{word} has no name before the =")),
            Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
            None => Ok((word, None)),
        })
        .collect()
}

/// A JSON list or words separated by white space.
fn list(rest: &str) -> Result<Vec<String>, String> {
    Ok(json(rest)?.unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect()))
}

fn command(rest: &str) -> Result<Command, String> {
    Ok(match json(rest)? {
        Some(words) => Command::Exec(words),
        None if rest.is_empty() => Command::Exec(Vec::new()),
        None => Command::Shell(rest.to_owned()),
    })
}

/// Flags of newer Dockerfile versions, or of sources that need the network.
const UNSUPPORTED: [&str; 5] = ["parents", "exclude", "checksum", "keep-git-dir", "unpack"];

fn copy(
    name: &str,
    mut flags: Flags,
    rest: &str,
    documents: Vec<lines::Document>,
) -> Result<Action, String> {
    let unpacks = name == "ADD";
    let from = if unpacks { None } else { flags.take("from") };
    let chown = flags.take("chown");
    let chmod = flags.take("chmod");
    let link = flags.take_switch("link")?;
    flags.finish(&UNSUPPORTED)?;
    let mut sources = list(rest)?;
    let destination = match sources.pop() {
        Some(destination) if !sources.is_empty() => destination,
        _ => {
            return Err(format!(
                "{name} needs at least one source and a destination"
            ));
        }
    };
    if !documents.is_empty() {
        sources.retain(|source| !lines::is_opening(source));
    }
    if let Some(source) = sources.iter().find(|source| unpacks && is_remote(source)) {
        return Err(format!(
            "the embedded engine does not ADD from the network ({source}); fetch it before the build, check its digest, and COPY it"
        ));
    }
    if from.is_some() && !documents.is_empty() {
        return Err("COPY --from cannot have a here-document".to_owned());
    }
    Ok(Action::Copy(Copy {
        unpacks,
        from,
        chown,
        chmod,
        link,
        sources,
        documents,
        destination,
    }))
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
}

fn healthcheck(mut flags: Flags, rest: &str) -> Result<Action, String> {
    let (kind, rest) = named(rest);
    let mut check = Healthcheck {
        interval: flags.take_duration("interval")?,
        timeout: flags.take_duration("timeout")?,
        start_period: flags.take_duration("start-period")?,
        start_interval: flags.take_duration("start-interval")?,
        retries: match flags.take("retries") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_invalid| format!("--retries takes a number, not {text}"))?,
        },
        command: None,
    };
    flags.finish(&[])?;
    match kind.to_ascii_uppercase().as_str() {
        "NONE" if rest.is_empty() => {}
        "NONE" => return Err("HEALTHCHECK NONE takes no arguments".to_owned()),
        "CMD" => match command(rest)? {
            Command::Exec(words) if words.is_empty() => {
                return Err("HEALTHCHECK CMD needs a command".to_owned());
            }
            command => check.command = Some(command),
        },
        _ => return Err("HEALTHCHECK takes CMD with a command, or NONE".to_owned()),
    }
    Ok(Action::Healthcheck(check))
}
