//! Descriptions of services, shared by all that follow a deployment: one call tells of ten services at once.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};
use toolkit::Fault;

use crate::cluster::Cluster;
use crate::service::Service;
use crate::trouble::Trouble;

/// A description that is older than this is asked for anew, even by who has not seen it.
const FRESH: Duration = Duration::from_millis(300);

/// What was seen last of the services that are being followed.
#[derive(Debug)]
pub(crate) struct Board {
    cluster: Cluster,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    followed: BTreeSet<String>,
    services: HashMap<String, Service>,
    at: Option<Instant>,
}

impl Board {
    /// `cluster` is asked once for each look.
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            seen: Mutex::default(),
        }
    }

    /// The service as it is now: described after `since`, and a moment ago at most.
    pub(crate) async fn look(&self, name: &str, since: Instant) -> Result<Service, Trouble> {
        // Whoever comes second waits here for the answer that the first one fetches for both.
        let mut seen = self.seen.lock().await;
        seen.followed.insert(name.to_owned());
        let is_known = seen.at.is_some_and(|at| at > since && at.elapsed() < FRESH)
            && seen.services.contains_key(name);
        if !is_known {
            let names: Vec<String> = seen.followed.iter().cloned().collect();
            let at = Instant::now();
            let (services, _missing) = self.cluster.services(&names).await?;
            seen.services = services
                .into_iter()
                .map(|service| (service.name.clone(), service))
                .collect();
            seen.at = Some(at);
        }
        seen.services.get(name).cloned().ok_or_else(|| {
            let cluster = &self.cluster.name;
            let message = format!("the cluster {cluster} has no service {name} any more");
            Trouble::Final(Fault::new(contract::exit::FAILED, message).into())
        })
    }

    /// The service is not followed any longer.
    pub(crate) async fn leave(&self, name: &str) {
        self.seen.lock().await.followed.remove(name);
    }
}
