//! Platforms: `os/architecture[/variant]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
}

impl Platform {
    /// This machine's, as a platform of images.
    pub(crate) fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: None,
        }
    }

    /// Whether an image for `offered` runs where this is asked for. `v8` goes without saying for arm64.
    pub(crate) fn accepts(&self, offered: &Self) -> bool {
        self.os == offered.os
            && self.architecture == offered.architecture
            && (self.variant.is_none() || self.effective_variant() == offered.effective_variant())
    }

    fn effective_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", None) => Some("v8"),
            (_, variant) => variant,
        }
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (*os, *architecture, None),
            [os, architecture, variant] => (*os, *architecture, Some(*variant)),
            _ => {
                return Err(format!(
                    "{text} is no platform: write linux/amd64 or linux/arm64"
                ));
            }
        };
        if os != "linux" {
            return Err(format!("{text}: only images for linux can be built"));
        }
        let architecture = match architecture {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_word(architecture) || !variant.is_none_or(is_word) {
            return Err(format!(
                "{text} is no platform: write linux/amd64 or linux/arm64"
            ));
        }
        let variant = variant.filter(|&variant| (architecture, variant) != ("arm64", "v8"));
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_platforms() {
        for (text, expected) in [
            ("linux/amd64", Ok("linux/amd64")),
            ("linux/x86_64", Ok("linux/amd64")),
            ("linux/arm64/v8", Ok("linux/arm64")),
            ("linux/arm/v7", Ok("linux/arm/v7")),
            (
                "windows/amd64",
                Err("windows/amd64: only images for linux can be built"),
            ),
            (
                "amd64",
                Err("amd64 is no platform: write linux/amd64 or linux/arm64"),
            ),
            (
                "linux/",
                Err("linux/ is no platform: write linux/amd64 or linux/arm64"),
            ),
        ] {
            let found = text
                .parse::<Platform>()
                .map(|platform| platform.to_string());
            assert_eq!(
                found,
                expected.map(str::to_owned).map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn accepts_the_same_machine_with_or_without_its_variant() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64").accepts(&platform("linux/arm64/v8")));
        assert!(platform("linux/arm").accepts(&platform("linux/arm/v7")));
        assert!(!platform("linux/arm/v6").accepts(&platform("linux/arm/v7")));
        assert!(!platform("linux/amd64").accepts(&platform("linux/arm64")));
    }
}
