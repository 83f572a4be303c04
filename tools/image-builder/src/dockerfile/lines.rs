//! From text to logical lines: parser directives, comments, continuation lines, here-documents.

use crate::problem::Problems;

/// One instruction as it is written, with its continuation lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins, counted from 1.
    pub(crate) number: usize,
    /// Without comments, continuation characters and the spaces before the first word.
    pub(crate) text: String,
    /// The here-documents that follow it, in order.
    pub(crate) documents: Vec<Document>,
}

/// A here-document: lines of the Dockerfile that are a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// The word that ends it; the file's name if the destination is a directory.
    pub(crate) name: String,
    pub(crate) content: String,
    /// Whether variables are replaced: not if the word was quoted.
    pub(crate) expand: bool,
}

/// The whole file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    /// `\` or, by directive, a backtick.
    pub(crate) escape: char,
    pub(crate) lines: Vec<Line>,
}

/// Takes the text apart.
pub(crate) fn read(file: &str, source: &str, problems: &mut Problems) -> Lines {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut raw = source
        .split_inclusive('\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .peekable();
    let mut directives = Directives::default();
    let mut lines = Vec::new();
    while let Some((number, first)) = raw.next() {
        let first = without_newline(first).trim_start();
        if let Err(message) = directives.look_at(first) {
            problems.add(file, number, message);
        }
        if first.is_empty() || first.starts_with('#') {
            continue;
        }
        let (part, mut goes_on) = without_continuation(first, directives.escape);
        let mut text = part.to_owned();
        while goes_on {
            let Some((_, next)) = raw.next() else { break };
            let next = without_newline(next);
            if next.trim_start().starts_with('#') || next.trim().is_empty() {
                continue;
            }
            let (part, more) = without_continuation(next, directives.escape);
            text.push_str(part);
            goes_on = more;
        }
        if text.trim().is_empty() {
            continue;
        }
        let documents = openings(&text, directives.escape)
            .into_iter()
            .filter_map(|opening| {
                let document = document(&opening, &mut raw);
                if document.is_none() {
                    let message = format!(
                        "the here-document {} has no end: its closing line is missing",
                        opening.name
                    );
                    problems.add(file, number, message);
                }
                document
            })
            .collect();
        lines.push(Line {
            number,
            text: text.trim().to_owned(),
            documents,
        });
    }
    Lines {
        escape: directives.escape,
        lines,
    }
}

/// The comments at the top that mean something.
#[derive(Debug)]
struct Directives {
    escape: char,
    seen: Vec<&'static str>,
    over: bool,
}

impl Default for Directives {
    fn default() -> Self {
        Self {
            escape: '\\',
            seen: Vec::new(),
            over: false,
        }
    }
}

impl Directives {
    /// Reads one line of the top; the first line that is no directive ends them.
    fn look_at(&mut self, line: &str) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        let Some((name, value)) = directive(line) else {
            self.over = true;
            return Ok(());
        };
        if self.seen.contains(&name) {
            return Err(format!("only one {name} parser directive can be used"));
        }
        self.seen.push(name);
        if name == "escape" {
            self.escape = match value {
                "\\" => '\\',
                "`" => '`',
                other => {
                    return Err(format!("the escape character can be \\ or `, not {other}"));
                }
            };
        }
        Ok(())
    }
}

/// `# name=value`, if the name is one that Docker knows.
fn directive(line: &str) -> Option<(&'static str, &str)> {
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let known = ["syntax", "escape", "check"]
        .into_iter()
        .find(|known| *known == name)?;
    let value = value.trim();
    (!value.is_empty()).then_some((known, value))
}

fn without_newline(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

/// The line without a continuation character at its end, and whether there was one. Doubled, it is none.
fn without_continuation(line: &str, escape: char) -> (&str, bool) {
    let trimmed = line.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

/// The start of a here-document in an instruction.
struct Opening {
    name: String,
    expand: bool,
    /// `<<-`: tabs at the beginning of its lines do not count.
    strip_tabs: bool,
}

fn openings(text: &str, escape: char) -> Vec<Opening> {
    // Quoted, so that what a shell is told in quotes is no announcement.
    let words = super::words::quoted(text, escape);
    let takes_documents = words.first().is_some_and(|instruction| {
        ["add", "copy", "run"].contains(&instruction.to_ascii_lowercase().as_str())
    });
    if !takes_documents || words.get(1).is_some_and(|word| word.starts_with('[')) {
        return Vec::new();
    }
    words.iter().filter_map(|word| opening(word)).collect()
}

fn opening(word: &str) -> Option<Opening> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix("<<")?;
    let (strip_tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let name = rest.replace(['"', '\''], "");
    (!name.is_empty() && !name.contains('<')).then(|| Opening {
        expand: name == rest,
        name,
        strip_tabs,
    })
}

/// The word of an instruction that announces a here-document.
pub(crate) fn is_opening(word: &str) -> bool {
    opening(word).is_some()
}

fn document<'a>(
    opening: &Opening,
    raw: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Option<Document> {
    let mut content = String::new();
    for (_, line) in raw {
        let line = if opening.strip_tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        if without_newline(line) == opening.name {
            return Some(Document {
                name: opening.name.clone(),
                content,
                expand: opening.expand,
            });
        }
        content.push_str(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(usize, String)> {
        let mut problems = Problems::default();
        let lines = read("Dockerfile", source, &mut problems);
        problems.or(()).unwrap();
        lines
            .lines
            .into_iter()
            .map(|line| (line.number, line.text))
            .collect()
    }

    fn complaint(source: &str) -> String {
        let mut problems = Problems::default();
        read("Dockerfile", source, &mut problems);
        problems.to_string()
    }

    #[test]
    fn joins_continuation_lines_and_drops_comments_and_blanks_between_them() {
        let source = "# a comment\n\n  FROM scratch\nLABEL a=1 \\\n  # about b\n\n  b=2 \\  \n  c=3\nUSER 1\n";
        assert_eq!(
            texts(source),
            [
                (3, "FROM scratch".to_owned()),
                (4, "LABEL a=1   b=2   c=3".to_owned()),
                (9, "USER 1".to_owned())
            ]
        );
    }

    #[test]
    fn takes_the_escape_character_from_the_directive() {
        let source = "# syntax=docker/dockerfile:1\n# Escape = `\nCOPY a `\n  b\\\nUSER 1\r\n";
        assert_eq!(
            texts(source),
            [(3, "COPY a   b\\".to_owned()), (5, "USER 1".to_owned())]
        );
    }

    #[test]
    fn knows_no_directive_after_the_first_other_line() {
        assert_eq!(
            texts("# hello\n# escape=`\nCOPY a `\nUSER 1"),
            [(3, "COPY a `".to_owned()), (4, "USER 1".to_owned())]
        );
    }

    #[test]
    fn leaves_a_doubled_escape_character_alone() {
        assert_eq!(
            texts("CMD a\\\\\nUSER 1"),
            [(1, "CMD a\\\\".to_owned()), (2, "USER 1".to_owned())]
        );
    }

    #[test]
    fn reads_here_documents() {
        let source = "COPY <<one <<-\"two\" /etc/\na $X\n\t#b\none\n\tc\n\ttwo\nUSER 1\n";
        let mut problems = Problems::default();
        let lines = read("Dockerfile", source, &mut problems).lines;
        assert_eq!(
            lines[0].documents,
            [
                Document {
                    name: "one".to_owned(),
                    content: "a $X\n\t#b\n".to_owned(),
                    expand: true
                },
                Document {
                    name: "two".to_owned(),
                    content: "c\n".to_owned(),
                    expand: false
                }
            ]
        );
        assert_eq!(lines[1].number, 7);
    }

    #[test]
    fn complains_with_the_line() {
        assert_eq!(
            complaint("# escape=x\nFROM scratch\nCOPY <<a /b\ntext\n"),
            "Dockerfile:1: the escape character can be \\ or `, not x\n\
             Dockerfile:3: the here-document a has no end: its closing line is missing"
        );
        assert_eq!(
            complaint("# escape=`\n# escape=`\n"),
            "Dockerfile:2: only one escape parser directive can be used"
        );
    }
}
