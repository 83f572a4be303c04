//! A script for bash's `.` (or any POSIX shell's): single quotes, inside which nothing has a meaning.

use super::{Refusal, Text, Value, accepted, room, unfit};

/// Variables that bash keeps for itself: read-only, or with a value that it makes up. bash(1), "Shell Variables".
const KEPT: [&str; 24] = [
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGV0",
    "BASH_COMMAND",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "UID",
    "_",
];

/// The script's text, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("a bash script", values, mistake)?;
    let mut text = room(values);
    for value in values {
        text.push_str("export ");
        text.push_str(value.name);
        text.push_str("='");
        for c in value.text.chars() {
            match c {
                '\'' => text.push_str(r"'\''"),
                c => text.push(c),
            }
        }
        text.push_str("'\n");
    }
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    unfit(value).or_else(|| {
        KEPT.contains(&value.name)
            .then_some("bash keeps this variable for itself")
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn quotes_everything() {
        assert_eq!(
            encoded(encode, &[("A", ""), ("B", "it's $HOME `x` \\ \"q\"\nnext")]),
            Ok("export A=''\nexport B='it'\\''s $HOME `x` \\ \"q\"\nnext'\n".to_owned())
        );
    }

    #[test]
    fn refuses_what_bash_keeps_for_itself() {
        assert_eq!(
            encoded(encode, &[("UID", "hunter2"), ("Z", "a\0")]),
            Err(
                "a bash script cannot hold UID (bash keeps this variable for itself), Z (its value has a zero byte)"
                    .to_owned()
            )
        );
    }
}
