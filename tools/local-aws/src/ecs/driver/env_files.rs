//! The files of `environmentFiles`, read as ECS's agent reads them (agent/taskresource/envFiles/envfile.go).

use serde_json::Value;

use crate::ecs::Ecs;

/// The agent reads line by line with a buffer of this size, and gives up at a longer one.
const LONGEST_LINE: usize = 65_536;

/// Names and values of all files of a definition, or of RunTask instead of them. The first file that has a name
/// wins, so it comes last.
pub(super) fn variables(
    ecs: &Ecs,
    definition: &Value,
    overridden: &Value,
) -> Result<Vec<(String, String)>, String> {
    let files = |value: &Value| value["environmentFiles"].as_array().cloned();
    let files = files(overridden)
        .filter(|files| !files.is_empty())
        .or_else(|| files(definition))
        .unwrap_or_default();
    let mut variables = Vec::new();
    for file in files.iter().rev() {
        let arn = file["value"].as_str().unwrap_or_default();
        let text = fetch(ecs, arn).map_err(|reason| {
            format!(
                "ResourceInitializationError: failed to download env files: file download command: non empty error stream: {reason}: {arn}"
            )
        })?;
        variables.extend(read(&text).map_err(|reason| {
            format!("ResourceInitializationError: failed to read env file {arn}: {reason}")
        })?);
    }
    Ok(variables)
}

fn fetch(ecs: &Ecs, arn: &str) -> Result<String, String> {
    let (bucket, key) = place(arn).ok_or("it is not the ARN of an object")?;
    let found = ecs
        .parts
        .s3
        .get(bucket, key)
        .map_err(|error| error.to_string())?;
    String::from_utf8(found.bytes).map_err(|_invalid| "it is not UTF-8".to_owned())
}

/// Bucket and key of `arn:aws:s3:::BUCKET/KEY`.
fn place(arn: &str) -> Option<(&str, &str)> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "s3", "", "", place] => place.split_once('/'),
        _ => None,
    }
}

/// A line is a comment only from its first character on; what is no assignment is passed over; quotes and spaces
/// are a part of the value. Of two lines with a name, the later counts.
fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    for line in text.lines() {
        if line.len() >= LONGEST_LINE {
            return Err("a line is longer than 64 KiB".to_owned());
        }
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.is_empty()) {
            variables.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_as_the_agent_does() {
        let text = "# no\r\nA=1=2\r\n #B=\nC=\"q\" # x \nnothing\n=3\nD=\nA=4\n";
        let read: Vec<(String, String)> = read(text).unwrap();
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("A", "1=2"),
                (" #B", ""),
                ("C", "\"q\" # x "),
                ("D", ""),
                ("A", "4")
            ]
        );
        assert!(super::read(&format!("A={}", "x".repeat(65_534))).is_err());
        assert!(super::read(&format!("A={}", "x".repeat(65_533))).is_ok());
    }

    #[test]
    fn finds_the_object_of_an_arn() {
        assert_eq!(
            place("arn:aws:s3:::settings/ludlow/prod/1.env"),
            Some(("settings", "ludlow/prod/1.env"))
        );
        for arn in ["arn:aws:s3:::settings", "arn:aws:ssm:::b/k", "s3://b/k"] {
            assert_eq!(place(arn), None, "{arn}");
        }
    }
}
