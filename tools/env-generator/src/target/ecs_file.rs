//! A file for a container definition's `environmentFiles`, under a key in S3 that follows from its content: a
//! task of an older revision starts with the file of that revision, so that a rollback is exact. It holds plain
//! variables only; secrets stay references in the task definition.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{Refusal, Text, Value, docker};

/// The file and where it belongs.
pub(crate) struct File {
    pub(crate) text: Text,
    /// For example `ludlow/prod/4f2c….env`. ECS wants the ending.
    pub(crate) key: String,
}

/// The file of plain variables, in the form that the agent reads, which is docker's.
pub(crate) fn encode(plain: &[Value<'_>], prefix: &str) -> Result<File, Refusal> {
    let text = docker::encode(plain)?;
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    Ok(File {
        text,
        key: format!("{prefix}/{hash}.env"),
    })
}

/// What says where the file must go, and what the container definition says about it.
pub(crate) fn description(key: &str, bucket: Option<&str>) -> Json {
    let bucket = bucket.unwrap_or("BUCKET");
    json!({
        "bucket": bucket,
        "key": key,
        "environmentFiles": [{ "value": format!("arn:aws:s3:::{bucket}/{key}"), "type": "s3" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        let value = Value {
            name: "A",
            text,
            secret: false,
        };
        encode(&[value], "ludlow/prod").unwrap().key
    }

    #[test]
    fn names_the_file_by_its_content() {
        // printf 'A=1\n' | sha256sum
        assert_eq!(
            key("1"),
            "ludlow/prod/91d6a3d55e9fea7911c537afae6607c77fa8bc0f3a76c375e104ac5a8cfa84db.env"
        );
        assert_ne!(key("1"), key("2"));
    }

    #[test]
    fn says_what_the_container_definition_needs() {
        assert_eq!(
            description("ludlow/prod/1.env", Some("settings")),
            json!({
                "bucket": "settings",
                "key": "ludlow/prod/1.env",
                "environmentFiles": [{ "value": "arn:aws:s3:::settings/ludlow/prod/1.env", "type": "s3" }],
            })
        );
    }
}
