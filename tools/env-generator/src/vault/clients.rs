//! One client for each service and region: making one costs as much as several calls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws::SdkConfig;

pub(super) struct Clients {
    config: SdkConfig,
    parameters: Mutex<BTreeMap<String, aws_sdk_ssm::Client>>,
    secrets: Mutex<BTreeMap<String, aws_sdk_secretsmanager::Client>>,
}

impl Clients {
    pub(super) fn new(config: SdkConfig) -> Self {
        Self {
            config,
            parameters: Mutex::default(),
            secrets: Mutex::default(),
        }
    }

    pub(super) fn parameters(&self, region: &str) -> aws_sdk_ssm::Client {
        kept(&self.parameters, region, || {
            let region = aws_sdk_ssm::config::Region::new(region.to_owned());
            let config = aws_sdk_ssm::config::Builder::from(&self.config).region(region);
            aws_sdk_ssm::Client::from_conf(config.build())
        })
    }

    pub(super) fn secrets(&self, region: &str) -> aws_sdk_secretsmanager::Client {
        kept(&self.secrets, region, || {
            let region = aws_sdk_secretsmanager::config::Region::new(region.to_owned());
            let config = aws_sdk_secretsmanager::config::Builder::from(&self.config).region(region);
            aws_sdk_secretsmanager::Client::from_conf(config.build())
        })
    }
}

fn kept<C: Clone>(
    clients: &Mutex<BTreeMap<String, C>>,
    region: &str,
    make: impl FnOnce() -> C,
) -> C {
    // A map of clients is whole at any moment.
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    clients
        .entry(region.to_owned())
        .or_insert_with(make)
        .clone()
}
