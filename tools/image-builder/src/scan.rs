//! ECR's scan of an image as a gate: closed where it found something as bad as the caller will not have.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput;
use aws_sdk_ecr::types::ImageIdentifier;
use contract::exit;
use serde::Serialize;
use toolkit::{Console, Fault};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<String>,
    /// The least that closes the gate.
    pub(crate) severity: Severity,
    /// How long the scan may take.
    pub(crate) timeout: Duration,
}

/// How bad a finding is, by ECR's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Undefined,
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

const ALL: [(Severity, &str); 6] = [
    (Severity::Undefined, "UNDEFINED"),
    (Severity::Informational, "INFORMATIONAL"),
    (Severity::Low, "LOW"),
    (Severity::Medium, "MEDIUM"),
    (Severity::High, "HIGH"),
    (Severity::Critical, "CRITICAL"),
];

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ALL.into_iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(severity, _)| severity)
            .ok_or_else(|| "informational, low, medium, high or critical".to_owned())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ALL.into_iter().find(|(severity, _)| severity == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

/// What the scan found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    repository: String,
    image: String,
    /// Findings by severity.
    counts: BTreeMap<String, i32>,
    severity: String,
    passed: bool,
}

/// Looks every so often: a scan takes about half a minute.
const PACE: Duration = Duration::from_secs(3);

/// Waits for the scan, and judges it. The exit code says whether the gate is open.
pub(crate) fn scan(request: &Request, console: &Console) -> anyhow::Result<(Verdict, u8)> {
    let counts = aws::block_on(findings(request, console))?;
    let bad: i32 = counts
        .iter()
        .filter(|(name, _)| {
            name.parse::<Severity>()
                .is_ok_and(|found| found >= request.severity)
        })
        .map(|(_, count)| count)
        .sum();
    let image = request
        .digest
        .clone()
        .or_else(|| request.tag.clone())
        .unwrap_or_default();
    let shown: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let shown = if shown.is_empty() {
        "nothing".to_owned()
    } else {
        shown.join(", ")
    };
    let passed = bad == 0;
    let text = format!("the scan of {} {image} found {shown}", request.repository);
    if passed {
        console.success(&text);
    } else {
        console.error(&format!(
            "{text}; {bad} of it {} or worse",
            request.severity
        ));
    }
    let verdict = Verdict {
        repository: request.repository.clone(),
        image,
        counts,
        severity: request.severity.to_string(),
        passed,
    };
    Ok((verdict, if passed { exit::DONE } else { exit::NEGATIVE }))
}

async fn findings(request: &Request, console: &Console) -> anyhow::Result<BTreeMap<String, i32>> {
    let client = Client::new(&aws::config().await?);
    let image = ImageIdentifier::builder()
        .set_image_tag(request.tag.clone())
        .set_image_digest(request.digest.clone())
        .build();
    let deadline = tokio::time::Instant::now() + request.timeout;
    let mut is_started = false;
    loop {
        let answer = client
            .describe_image_scan_findings()
            .repository_name(&request.repository)
            .image_id(image.clone())
            .send()
            .await;
        match answer {
            Ok(answer) => {
                if let Some(counts) = counts(&answer)? {
                    return Ok(counts);
                }
            }
            Err(error) if aws::code(&error) == Some("ScanNotFoundException") && !is_started => {
                is_started = true;
                console.status("starting a scan");
                client
                    .start_image_scan()
                    .repository_name(&request.repository)
                    .image_id(image.clone())
                    .send()
                    .await
                    .map_err(|error| aws::explain("start a scan of the image", error))?;
                continue;
            }
            Err(error) if aws::code(&error) == Some("ScanNotFoundException") => {}
            Err(error) => return Err(aws::explain("read what the scan found", error)),
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(Fault::new(
                exit::TIMED_OUT,
                format!("the scan is not over after {} s", request.timeout.as_secs()),
            )
            .into());
        }
        tokio::time::sleep(PACE.min(deadline - tokio::time::Instant::now())).await;
    }
}

/// What a scan found, if it is over.
fn counts(
    answer: &DescribeImageScanFindingsOutput,
) -> anyhow::Result<Option<BTreeMap<String, i32>>> {
    let status = answer.image_scan_status();
    let status = status.and_then(|status| status.status());
    match status.map_or("", |status| status.as_str()) {
        "COMPLETE" | "ACTIVE" => {
            let counts = answer
                .image_scan_findings()
                .and_then(|findings| findings.finding_severity_counts());
            let counts = counts.into_iter().flatten();
            Ok(Some(
                counts
                    .map(|(severity, count)| (severity.as_str().to_owned(), *count))
                    .collect(),
            ))
        }
        "IN_PROGRESS" | "PENDING" => Ok(None),
        other => bail!("ECR could not scan the image: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_severities() {
        assert!("critical".parse::<Severity>().unwrap() > "HIGH".parse().unwrap());
        assert!("low".parse::<Severity>().unwrap() < "Medium".parse().unwrap());
        assert_eq!(
            "bad".parse::<Severity>().unwrap_err(),
            "informational, low, medium, high or critical"
        );
    }
}
