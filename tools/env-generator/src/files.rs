//! Files of an environment's variables: plain, or encrypted with sops or age and decrypted by that program.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use toolkit::Fault;
use toolkit::console::printable;
use zeroize::Zeroizing;

use crate::dotenv::{self, Assignment};
use crate::problem::Problem;
use crate::secret_text::SecretText;
use crate::target::is_name;

/// How a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    Plain,
    Sops,
    Age,
}

/// Reads a file; mistakes in it are added to `problems` under `name`. None if it cannot be read, which is one of
/// them.
pub(crate) fn read(
    path: &Path,
    name: &str,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Option<(Keeping, Vec<Assignment>)>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) => {
            let message = format!("the file cannot be read: {error}");
            problems.push(Problem::new(name, 0, message));
            return Ok(None);
        }
    };
    let keeping = keeping(name, &bytes);
    let assignments = match keeping {
        Keeping::Plain => lines(&bytes, name, problems),
        Keeping::Age => lines(&decrypted(age(path), "age", name)?, name, problems),
        Keeping::Sops => members(&decrypted(sops(path), "sops", name)?, &bytes, name)?,
    };
    Ok(Some((keeping, assignments)))
}

/// Sops leaves its own lines in the file, age its first line.
fn keeping(name: &str, bytes: &[u8]) -> Keeping {
    let has_line = |start: &[u8]| {
        bytes
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(start))
    };
    if name.ends_with(".age")
        || bytes.starts_with(b"age-encryption.org/")
        || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
    {
        Keeping::Age
    } else if has_line(b"sops_mac=") || has_line(b"sops_version=") {
        Keeping::Sops
    } else {
        Keeping::Plain
    }
}

fn lines(bytes: &[u8], name: &str, problems: &mut Vec<Problem>) -> Vec<Assignment> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        problems.push(Problem::new(name, 0, "the file is not UTF-8"));
        return Vec::new();
    };
    match dotenv::read(text) {
        Ok(assignments) => assignments,
        Err(mistakes) => {
            problems.extend(
                mistakes
                    .into_iter()
                    .map(|(line, message)| Problem::new(name, line, message)),
            );
            Vec::new()
        }
    }
}

/// JSON, because sops writes other dotenv than it was given: without quotes.
fn sops(path: &Path) -> Command {
    let mut command = Command::new("sops");
    command
        .args(["-d", "--input-type", "dotenv", "--output-type", "json"])
        .arg(path);
    command
}

/// The identity is sought where sops seeks it too.
fn age(path: &Path) -> Command {
    let mut command = Command::new("age");
    command.arg("--decrypt");
    if let Some(identity) = std::env::var_os("SOPS_AGE_KEY_FILE") {
        command.arg("--identity").arg(identity);
    }
    command.arg(path);
    command
}

/// What the program writes to its stdout, which is kept from everybody else.
fn decrypted(
    mut command: Command,
    program: &str,
    name: &str,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Fault::usage(format!(
                "{name} is encrypted with {program}, and the program {program} is not installed"
            ))
            .with_hint(format!(
                "install {program}, or leave the file out of sources.files"
            ))
        } else {
            Fault::usage(format!("cannot start {program} to decrypt {name}: {error}"))
        }
    })?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = printable(complaint.lines().next().unwrap_or_default());
        bail!(
            "{program} cannot decrypt {name} ({}): {complaint}",
            output.status
        );
    }
    Ok(Zeroizing::new(output.stdout))
}

fn members(json: &[u8], encrypted: &[u8], name: &str) -> anyhow::Result<Vec<Assignment>> {
    // The reader's own message would quote the text.
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)
        .ok()
        .with_context(|| format!("sops gave no JSON object for {name}"))?;
    members
        .into_iter()
        .map(|(key, value)| {
            let serde_json::Value::String(text) = value else {
                bail!("sops gave no text for {key} of {name}");
            };
            if !is_name(&key) {
                bail!(
                    "{name} has a key that is not a variable name: {}",
                    printable(&key)
                );
            }
            let start = format!("{key}=");
            let line = encrypted
                .split(|byte| *byte == b'\n')
                .position(|line| line.starts_with(start.as_bytes()))
                .map_or(0, |at| at + 1);
            Ok(Assignment {
                name: key,
                value: SecretText::new(text),
                line,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_encrypted_files_by_their_content() {
        assert_eq!(keeping("a.env", b"A=1\n"), Keeping::Plain);
        assert_eq!(
            keeping("a.env", b"A=ENC[x]\nsops_version=3.9.0\n"),
            Keeping::Sops
        );
        assert_eq!(keeping("a.env", b"age-encryption.org/v1\n"), Keeping::Age);
        assert_eq!(keeping("a.env.age", b""), Keeping::Age);
    }

    #[test]
    fn takes_keys_from_sops_and_lines_from_the_file() {
        let read = members(br#"{"A":"x\ny","B":""}"#, b"#c\nA=ENC[1]\nB=\n", "a.env").unwrap();
        let read: Vec<(&str, &str, usize)> = read
            .iter()
            .map(|read| (read.name.as_str(), read.value.expose(), read.line))
            .collect();
        assert_eq!(read, [("A", "x\ny", 2), ("B", "", 3)]);
        assert_eq!(
            members(b"hunter2", b"", "a.env").unwrap_err().to_string(),
            "sops gave no JSON object for a.env"
        );
    }
}
