//! Asking the released service over HTTP, through its load balancer, whether it does what it should.

use std::time::Duration;

use contract::deployment::SmokeResult;
use tokio::time::{Instant, sleep};
use toolkit::Console;
use toolkit::console::printable;

use crate::balancing::Entry;

/// No answer to one request takes longer than this.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// Larger than any page that is worth looking through.
const BODY: u64 = 1 << 20;

/// What is expected of a released service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Smoke {
    /// One request each.
    pub expectations: Vec<Expectation>,
    /// How long there is for all of them to be met.
    pub patience: Duration,
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Path at the load balancer, with a leading slash.
    pub path: String,
    /// Status that the answer must have; none for any from 200 to 399.
    pub status: Option<u16>,
    /// Words that the answer must contain.
    pub contains: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: String,
}

impl Expectation {
    /// `PATH`, `PATH=STATUS` or `PATH=STATUS:WORDS`, with a leading slash.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // A query may contain `=`, so the status is what follows the last one, if that is a number.
        let tail = text.rsplit_once('=').and_then(|(path, tail)| {
            let (status, words) = match tail.split_once(':') {
                Some((status, words)) => (status, Some(words)),
                None => (tail, None),
            };
            Some((path, status.parse::<u16>().ok()?, words))
        });
        let (path, status, contains) = match tail {
            Some((path, status, words)) => (path, Some(status), words),
            None => (text, None, None),
        };
        if !path.starts_with('/') || status.is_some_and(|status| !(100..600).contains(&status)) {
            return Err("write /PATH, /PATH=STATUS or /PATH=STATUS:WORDS".to_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            status,
            contains: contains.map(str::to_owned),
        })
    }

    /// What is wrong with the answer, or nothing.
    fn fault(&self, answer: &Answer) -> Option<String> {
        let is_expected = match self.status {
            Some(status) => answer.status == status,
            None => (200..400).contains(&answer.status),
        };
        if !is_expected {
            let expected = self
                .status
                .map_or("200 to 399".to_owned(), |status| status.to_string());
            return Some(format!("status {}, expected {expected}", answer.status));
        }
        let missing = self
            .contains
            .as_ref()
            .filter(|words| !answer.body.contains(words.as_str()))?;
        Some(format!(
            "status {}, but the answer does not contain \"{missing}\"",
            answer.status
        ))
    }
}

/// Asks until every expectation is met or patience is over; the results are in the order of the expectations.
pub(crate) async fn check(console: &Console, entry: &Entry, smoke: &Smoke) -> Vec<SmokeResult> {
    let deadline = Instant::now() + smoke.patience;
    let mut results = Vec::new();
    for expectation in &smoke.expectations {
        let result = loop {
            let result = once(entry, expectation).await;
            if result.passed || Instant::now() >= deadline {
                break result;
            }
            console.detail(&format!("{}: {}", result.url, result.answer));
            sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now()))).await;
        };
        if result.passed {
            console.status(&format!("{}: {}", result.url, result.answer));
        } else {
            console.warning(&format!("{}: {}", result.url, result.answer));
        }
        results.push(result);
    }
    results
}

async fn once(entry: &Entry, expectation: &Expectation) -> SmokeResult {
    let path = expectation.path.trim_start_matches('/');
    let url = format!("{}{path}", entry.url());
    let (address, host) = entry.connection();
    let (address, host) = (format!("{address}{path}"), host.map(str::to_owned));
    let asked = tokio::task::spawn_blocking(move || request(&address, host.as_deref())).await;
    let (passed, answer) = match asked {
        Ok(Ok(answer)) => match expectation.fault(&answer) {
            None => (true, format!("status {}", answer.status)),
            Some(fault) => (false, fault),
        },
        Ok(Err(error)) => (false, printable(&error.to_string())),
        Err(panic) => (false, panic.to_string()),
    };
    SmokeResult {
        url,
        passed,
        answer,
    }
}

fn request(address: &str, host: Option<&str>) -> Result<Answer, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER))
        .http_status_as_error(false)
        // A redirect is an answer of its own, and may lead out of the load balancer.
        .max_redirects(0)
        .build()
        .into();
    let mut request = agent
        .get(address)
        .header("user-agent", "longshore-deployer");
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let mut answer = request.call()?;
    let status = answer.status().as_u16();
    let body = answer
        .body_mut()
        .with_config()
        .limit(BODY)
        .lossy_utf8(true)
        .read_to_string()?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(path: &str, status: Option<u16>, contains: Option<&str>) -> Expectation {
        Expectation {
            path: path.to_owned(),
            status,
            contains: contains.map(str::to_owned),
        }
    }

    #[test]
    fn reads_what_is_expected() {
        let table = [
            ("/", Ok(expectation("/", None, None))),
            ("/a?b=c", Ok(expectation("/a?b=c", None, None))),
            ("/a?b=c=204", Ok(expectation("/a?b=c", Some(204), None))),
            (
                "/v=200:on: 2",
                Ok(expectation("/v", Some(200), Some("on: 2"))),
            ),
            ("healthz", Err(())),
            ("/x=999", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(Expectation::parse(text).map_err(drop), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_an_answer() {
        let answer = |status, body: &str| Answer {
            status,
            body: body.to_owned(),
        };
        let any = expectation("/", None, None);
        assert_eq!(any.fault(&answer(302, "")), None);
        assert_eq!(
            any.fault(&answer(500, "")).as_deref(),
            Some("status 500, expected 200 to 399")
        );
        let exact = expectation("/", Some(200), Some("v2"));
        assert_eq!(exact.fault(&answer(200, "on v2 now")), None);
        assert_eq!(
            exact.fault(&answer(200, "v1")).as_deref(),
            Some("status 200, but the answer does not contain \"v2\"")
        );
        assert_eq!(
            exact.fault(&answer(204, "v2")).as_deref(),
            Some("status 204, expected 200")
        );
    }
}
