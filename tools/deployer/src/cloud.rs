//! The services of AWS that a release concerns.

use aws::SdkConfig;
use aws_sdk_cloudwatchlogs::Client as LogsClient;
use contract::deployment::LogPlace;

use crate::balancing::Balancing;
use crate::board::Board;
use crate::cluster::Cluster;
use crate::lock::Locks;
use crate::scaling::Scaling;
use crate::trouble::Trouble;

/// As many of a failed task's lines as fit on a screen beside the rest.
const LINES: i32 = 10;

/// One cluster, with the load balancers and logs around it.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// For calls that are made once: they are repeated for about a minute where that may help.
    pub(crate) cluster: Cluster,
    /// For looks that are repeated anyway.
    pub(crate) watching: Cluster,
    /// The services that are being followed.
    pub(crate) board: Board,
    pub(crate) balancing: Balancing,
    /// The same for looks that are repeated anyway.
    pub(crate) watched_balancing: Balancing,
    pub(crate) scaling: Scaling,
    pub(crate) locks: Locks,
    logs: LogsClient,
}

impl Cloud {
    pub(crate) fn new(config: &SdkConfig, cluster: &str) -> Self {
        let once = aws::without_retries(config);
        let watching = Cluster::new(&once, cluster);
        Self {
            cluster: Cluster::new(config, cluster),
            board: Board::new(watching.clone()),
            watching,
            balancing: Balancing::new(config),
            watched_balancing: Balancing::new(&once),
            scaling: Scaling::new(config, cluster),
            locks: Locks::new(config, cluster),
            logs: LogsClient::new(&once),
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
