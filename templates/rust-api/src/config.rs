//! The environment, read once and checked at one go.

use std::ffi::OsString;
use std::time::Duration;

use crate::log::Level;

#[derive(Debug, PartialEq)]
pub struct Config {
    /// 0 lets the system choose; the line `listening` tells which one it is.
    pub port: u16,
    pub log_level: Level,
    /// How long requests in flight may take once a signal has come. Keep it below the 30 s that
    /// ECS waits before it kills.
    pub shutdown_grace: Duration,
    pub crash: Option<Crash>,
    pub unhealthy: bool,
    pub version: String,
    pub commit: String,
    /// HOSTNAME, which Docker sets to the container's.
    pub host: Option<String>,
}

/// A failure on demand, to see how a deployment takes it.
#[derive(Debug, PartialEq)]
pub enum Crash {
    Start,
    After(Duration),
}

impl Config {
    /// # Errors
    /// Every problem there is, each as one line that names the variable.
    pub fn read(
        args: impl Iterator<Item = OsString>,
        var: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Vec<String>> {
        let mut problems: Vec<String> = args
            .map(|arg| format!("argument {arg:?}: none is taken, all is set by the environment"))
            .collect();
        let mut environment = Environment {
            var,
            problems: &mut problems,
        };
        let config = Self {
            port: environment
                .parsed("PORT", "a port from 0 to 65535", |text| text.parse().ok())
                .unwrap_or(8080),
            log_level: environment
                .parsed("LOG_LEVEL", "quiet, info or debug", Level::parse)
                .unwrap_or(Level::Info),
            shutdown_grace: environment
                .parsed(
                    "SHUTDOWN_GRACE_SECONDS",
                    "a whole number of seconds",
                    seconds,
                )
                .unwrap_or(Duration::from_secs(25)),
            crash: environment.parsed("LUDLOW_CRASH", "start or after:SECONDS", crash),
            unhealthy: environment
                .parsed("LUDLOW_UNHEALTHY", "0 or 1", flag)
                .unwrap_or(false),
            version: environment
                .text("APP_VERSION")
                .unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            commit: environment
                .text("APP_COMMIT")
                .unwrap_or_else(|| "unknown".to_owned()),
            host: environment.text("HOSTNAME"),
        };
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }
}

/// Looks variables up and keeps what is wrong with them.
struct Environment<'a, F> {
    var: F,
    problems: &'a mut Vec<String>,
}

impl<F: Fn(&str) -> Option<OsString>> Environment<'_, F> {
    /// An empty variable counts as one that is not set: compose files and CI servers leave such behind.
    fn text(&mut self, name: &str) -> Option<String> {
        match (self.var)(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(raw) => {
                self.problems.push(format!("{name}={raw:?}: is not UTF-8"));
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.problems
                .push(format!("{name}={text:?}: must be {expected}"));
        }
        value
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse()
        .ok()
        .map(|seconds: u32| Duration::from_secs(seconds.into()))
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn crash(text: &str) -> Option<Crash> {
    match text.strip_prefix("after:") {
        Some(delay) => seconds(delay).map(Crash::After),
        None => (text == "start").then_some(Crash::Start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;

    fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read(iter::empty(), |name| {
            let (_, value) = vars.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(value))
        })
    }

    fn defaults() -> Config {
        Config {
            port: 8080,
            log_level: Level::Info,
            shutdown_grace: Duration::from_secs(25),
            crash: None,
            unhealthy: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: "unknown".to_owned(),
            host: None,
        }
    }

    #[test]
    fn has_a_default_for_everything() {
        assert_eq!(read(&[]), Ok(defaults()));
    }

    #[test]
    fn takes_an_empty_variable_as_not_set() {
        let vars = ["PORT", "LOG_LEVEL", "LUDLOW_CRASH", "APP_COMMIT"].map(|name| (name, ""));
        assert_eq!(read(&vars), Ok(defaults()));
    }

    #[test]
    fn reads_every_variable() {
        let vars = [
            ("PORT", "0"),
            ("LOG_LEVEL", "debug"),
            ("SHUTDOWN_GRACE_SECONDS", "5"),
            ("LUDLOW_CRASH", "after:7"),
            ("LUDLOW_UNHEALTHY", "1"),
            ("APP_VERSION", "2.0.0"),
            ("APP_COMMIT", "abc123"),
            ("HOSTNAME", "task-1"),
        ];
        let expected = Config {
            port: 0,
            log_level: Level::Debug,
            shutdown_grace: Duration::from_secs(5),
            crash: Some(Crash::After(Duration::from_secs(7))),
            unhealthy: true,
            version: "2.0.0".to_owned(),
            commit: "abc123".to_owned(),
            host: Some("task-1".to_owned()),
        };
        assert_eq!(read(&vars), Ok(expected));
    }

    #[test]
    fn reports_all_problems_at_once() {
        let vars = [
            ("PORT", "65536"),
            ("LOG_LEVEL", "loud"),
            ("SHUTDOWN_GRACE_SECONDS", "-1"),
            ("LUDLOW_CRASH", "after:soon"),
            ("LUDLOW_UNHEALTHY", "yes"),
        ];
        let expected = [
            "PORT=\"65536\": must be a port from 0 to 65535",
            "LOG_LEVEL=\"loud\": must be quiet, info or debug",
            "SHUTDOWN_GRACE_SECONDS=\"-1\": must be a whole number of seconds",
            "LUDLOW_CRASH=\"after:soon\": must be start or after:SECONDS",
            "LUDLOW_UNHEALTHY=\"yes\": must be 0 or 1",
        ];
        assert_eq!(read(&vars), Err(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn takes_no_arguments() {
        let args = ["migrate"].map(OsString::from).into_iter();
        let expected = "argument \"migrate\": none is taken, all is set by the environment";
        assert_eq!(Config::read(args, |_| None), Err(vec![expected.to_owned()]));
    }

    #[cfg(unix)]
    #[test]
    fn reports_a_value_that_is_not_utf8() {
        use std::os::unix::ffi::OsStringExt as _;
        let var = |name: &str| (name == "APP_COMMIT").then(|| OsString::from_vec(vec![0xff]));
        let expected = "APP_COMMIT=\"\\xFF\": is not UTF-8";
        assert_eq!(
            Config::read(iter::empty(), var),
            Err(vec![expected.to_owned()])
        );
    }
}
