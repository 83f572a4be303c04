//! The services of AWS that a release concerns.

use aws::SdkConfig;
use aws_sdk_cloudwatchlogs::Client as LogsClient;
use contract::deployment::LogPlace;

use crate::balancing::Balancing;
use crate::cluster::Cluster;
use crate::trouble::Trouble;

/// As many of a failed task's lines as fit on a screen beside the rest.
const LINES: i32 = 10;

/// One cluster, with the load balancers and logs around it.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    pub(crate) cluster: Cluster,
    pub(crate) balancing: Balancing,
    logs: LogsClient,
}

impl Cloud {
    pub(crate) fn new(config: &SdkConfig, cluster: &str) -> Self {
        Self {
            cluster: Cluster::new(config, cluster),
            balancing: Balancing::new(config),
            logs: LogsClient::new(config),
        }
    }

    /// The last lines of a stream, oldest first; none if the stream is not there (yet).
    pub(crate) async fn last_lines(&self, place: &LogPlace) -> Result<Vec<String>, Trouble> {
        let answer = self
            .logs
            .get_log_events()
            .log_group_name(&place.group)
            .log_stream_name(&place.stream)
            .limit(LINES)
            .start_from_head(false)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer
                .events()
                .iter()
                .map(|event| event.message().unwrap_or_default().trim_end().to_owned())
                .collect()),
            Err(error) if aws::code(&error) == Some("ResourceNotFoundException") => Ok(Vec::new()),
            Err(error) => {
                let what = format!("read the log stream {} of {}", place.stream, place.group);
                Err(Trouble::of(&what, error))
            }
        }
    }
}
