//! What a deploy lock says of itself.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The text of a lock's parameter, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// Who deploys.
    pub(crate) owner: String,
    /// What for.
    #[serde(default)]
    pub(crate) message: String,
    /// Tells this lock from every other.
    pub(crate) token: String,
    /// RFC 3339.
    pub(crate) acquired_at: String,
    /// RFC 3339; from then on it may be broken.
    pub(crate) expires_at: String,
}

impl Record {
    /// A new lock that expires after `span`.
    pub(crate) fn new(owner: String, message: String, span: Duration) -> Self {
        let now = Timestamp::now();
        let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::from_hours(24));
        Self {
            owner,
            message,
            token: uuid::Uuid::new_v4().simple().to_string(),
            acquired_at: format!("{now:.0}"),
            expires_at: format!("{:.0}", now.saturating_add(span).unwrap_or(now)),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What somebody wrote there. A text of another form stands for a lock that never expires: it is not ours
    /// to break.
    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_other| Self {
            owner: "somebody".to_owned(),
            message: "the lock's text is not this tool's".to_owned(),
            token: String::new(),
            acquired_at: String::new(),
            expires_at: String::new(),
        })
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at
            .parse::<Timestamp>()
            .is_ok_and(|expires| expires <= now)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held by {}", self.owner)?;
        if !self.acquired_at.is_empty() {
            write!(f, " since {}", self.acquired_at)?;
        }
        if !self.message.is_empty() {
            write!(f, " ({})", self.message)?;
        }
        if self.expires_at.is_empty() {
            f.write_str(", without an end")
        } else {
            write!(f, ", until {} at the latest", self.expires_at)
        }
    }
}

/// Who this process works for: the build where CI says which, else user and machine.
pub(crate) fn owner() -> String {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(repository), Some(run)) = (of("GITHUB_REPOSITORY"), of("GITHUB_RUN_ID")) {
        return format!("GitHub {repository}, run {run}");
    }
    if let Some(url) = of("CI_JOB_URL") {
        return format!("GitLab {url}");
    }
    if let (Some(configuration), Some(number)) = (of("TEAMCITY_BUILDCONF_NAME"), of("BUILD_NUMBER"))
    {
        return format!("TeamCity {configuration} #{number}");
    }
    let user = of("USER").or_else(|| of("LOGNAME"));
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    match (user, host.trim()) {
        (Some(user), "") => user,
        (Some(user), host) => format!("{user}@{host}"),
        (None, "") => format!("process {}", std::process::id()),
        (None, host) => format!("process {} on {host}", std::process::id()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_when_it_says() {
        let record = Record::new("me".to_owned(), String::new(), Duration::from_secs(60));
        let now = Timestamp::now();
        assert!(!record.has_expired(now));
        assert!(record.has_expired(now + SignedDuration::from_secs(61)));
        assert_eq!(Record::from_json(&record.to_json()), record);
    }

    #[test]
    fn leaves_alone_what_it_cannot_read() {
        let record = Record::from_json("deploying, please wait");
        assert!(!record.has_expired(Timestamp::MAX));
        assert_eq!(
            record.to_string(),
            "held by somebody (the lock's text is not this tool's), without an end"
        );
    }

    #[test]
    fn says_who_and_until_when() {
        let record = Record {
            owner: "ann@ci".to_owned(),
            message: "build 7".to_owned(),
            token: "t".to_owned(),
            acquired_at: "2026-01-02T03:04:05Z".to_owned(),
            expires_at: "2026-01-02T03:24:05Z".to_owned(),
        };
        assert_eq!(
            record.to_string(),
            "held by ann@ci since 2026-01-02T03:04:05Z (build 7), until 2026-01-02T03:24:05Z at the latest"
        );
    }
}
