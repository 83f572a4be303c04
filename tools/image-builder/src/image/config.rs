//! The configuration of an image, in the members and spelling of the OCI image specification and Docker's
//! extensions to it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;
use super::platform::Platform;

/// The document that a manifest's `config` names. Members that tools wrote as `null` are read as absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<String>,
    #[serde(flatten)]
    pub(crate) platform: Platform,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) config: Run,
    pub(crate) rootfs: RootFs,
    #[serde(default)]
    pub(crate) history: Option<Vec<History>>,
}

/// Some tools write `null` for an image without any setting.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Run, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// How a container of the image runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Run {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exposed_ports: Option<BTreeMap<String, Empty>>,
    /// `NAME=value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volumes: Option<BTreeMap<String, Empty>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shell: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_build: Option<Vec<String>>,
}

/// `{}`: how the specification writes a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Empty {}

/// Docker's health check; times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) timeout: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) start_period: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) start_interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retries: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The layers by the digests of their uncompressed content, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RootFs {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) diff_ids: Vec<Digest>,
}

/// One instruction of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) empty_layer: bool,
}

/// Where a shell looks for programs if nothing else is said: BuildKit's value for FROM scratch.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Config {
    /// Of `FROM scratch`.
    pub(crate) fn scratch(platform: &Platform) -> Self {
        Self {
            created: None,
            author: None,
            platform: platform.clone(),
            config: Run {
                env: Some(vec![PATH.to_owned()]),
                working_dir: Some("/".to_owned()),
                ..Run::default()
            },
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: Vec::new(),
            },
            history: None,
        }
    }

    /// Reads one that somebody else wrote.
    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(bytes).context("the image's configuration is malformed")
    }

    /// Its bytes: always the same for the same content.
    pub(crate) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        serde_json::to_vec(self).context("cannot write the image's configuration")
    }

    /// Which instruction made each layer, for people; "" where the history does not say.
    pub(crate) fn layer_origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = self
            .history
            .iter()
            .flatten()
            .filter(|entry| !entry.empty_layer)
            .map(|entry| entry.created_by.clone().unwrap_or_default())
            .collect();
        origins.resize(self.rootfs.diff_ids.len(), String::new());
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_nulls_of_other_tools() {
        let json = br#"{"architecture":"amd64","os":"linux","variant":null,"config":{"Cmd":null,"Env":["A=1"],"Volumes":null,
            "Labels":null,"OnBuild":null,"Image":"x"},"rootfs":{"type":"layers","diff_ids":[]},"history":null,"docker_version":"1"}"#;
        let config = Config::parse(json).unwrap();
        assert_eq!(config.platform, "linux/amd64".parse().unwrap());
        assert_eq!(
            config.config,
            Run {
                env: Some(vec!["A=1".to_owned()]),
                ..Run::default()
            }
        );
    }

    #[test]
    fn writes_the_members_of_the_specification() {
        let mut config = Config::scratch(&"linux/arm/v7".parse().unwrap());
        config.config.exposed_ports = Some(BTreeMap::from([("80/tcp".to_owned(), Empty {})]));
        config.config.healthcheck = Some(Healthcheck {
            test: vec!["NONE".to_owned()],
            ..Healthcheck::default()
        });
        config.history = Some(vec![History {
            created_by: Some("USER 1".to_owned()),
            empty_layer: true,
            ..History::default()
        }]);
        assert_eq!(
            String::from_utf8(config.to_bytes().unwrap()).unwrap(),
            format!(
                r#"{{"os":"linux","architecture":"arm","variant":"v7","config":{{"ExposedPorts":{{"80/tcp":{{}}}},"Env":["{PATH}"],"WorkingDir":"/","Healthcheck":{{"Test":["NONE"]}}}},"rootfs":{{"type":"layers","diff_ids":[]}},"history":[{{"created_by":"USER 1","empty_layer":true}}]}}"#
            )
        );
    }
}
