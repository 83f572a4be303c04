//! Parameter Store and Secrets Manager.

mod clients;
mod parameters;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::answer::part;
use crate::missing::{Missing, Why};
use crate::reference::{Place, Reference};
use crate::secret_text::SecretText;
use clients::Clients;

/// Calls at the same time: far below the quota of 40 a second, which colleagues share.
const PARALLEL: usize = 8;

/// Calls that may go out at once, and the time between those after them: GetParameters' quota is 40 a second
/// for the whole account.
const BURST: usize = 20;
const PACE: Duration = Duration::from_millis(50);

/// Values of secrets by variable.
pub(crate) type Values = BTreeMap<String, SecretText>;

/// A parameter's region, and its name or ARN.
type ParameterId = (String, String);

/// The two services, in any region.
pub(crate) struct Vault {
    clients: Clients,
    /// Whether values will be asked for, so that a listing may bring them along.
    reads_values: bool,
    /// Parameters that a listing has shown, with their values if it brought them.
    listed: Mutex<BTreeMap<ParameterId, Option<SecretText>>>,
}

impl Vault {
    /// For asking what is there.
    pub(crate) async fn new(region: &str) -> Self {
        Self::with(region, false).await
    }

    /// For asking for values too.
    pub(crate) async fn for_values(region: &str) -> Self {
        Self::with(region, true).await
    }

    async fn with(region: &str, reads_values: bool) -> Self {
        Self {
            clients: Clients::new(aws::config_in(region).await),
            reads_values,
            listed: Mutex::default(),
        }
    }

    /// The references that lead to nothing, in their order. No value is asked for in the clear.
    pub(crate) async fn missing<'r>(
        &self,
        references: &'r [Reference],
    ) -> anyhow::Result<Vec<Missing<'r>>> {
        let absent = self.absent_parameters(references).await?;
        let found: Vec<Option<Missing<'r>>> = stream::iter(references)
            .map(|reference| self.missing_one(reference, &absent))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn missing_one<'r>(
        &self,
        reference: &'r Reference,
        absent: &BTreeSet<ParameterId>,
    ) -> anyhow::Result<Option<Missing<'r>>> {
        let why = match &reference.place {
            Place::Parameter { id, region } => absent
                .contains(&(region.clone(), id.clone()))
                .then_some(Why::Absent),
            Place::Secret {
                arn,
                region,
                version,
                ..
            } => self.missing_secret(region, arn, version).await?,
        };
        Ok(why.map(|why| Missing { reference, why }))
    }

    /// The values of all references.
    pub(crate) async fn values(&self, references: &[Reference]) -> anyhow::Result<Values> {
        let (parameters, texts) = tokio::try_join!(
            self.parameter_values(references),
            self.secret_texts(references)
        )?;
        references
            .iter()
            .map(|reference| {
                let value = match &reference.place {
                    Place::Parameter { id, region } => parameters
                        .get(&(region.clone(), id.clone()))
                        .cloned()
                        .with_context(|| format!("Parameter Store gave no value for {id}"))?,
                    Place::Secret {
                        arn,
                        json_key,
                        version,
                        ..
                    } => {
                        let text = texts
                            .get(&(arn.clone(), version.clone()))
                            .with_context(|| format!("Secrets Manager gave no value for {arn}"))?;
                        part(text, arn, json_key.as_deref())?
                    }
                };
                Ok((reference.variable.clone(), value))
            })
            .collect()
    }
}

/// Waits until the call has its turn.
async fn paced(turn: usize) {
    if turn >= BURST {
        // At most PARALLEL calls wait at a time, so this is the distance between them.
        tokio::time::sleep(PACE * u32::try_from(PARALLEL).unwrap_or(1)).await;
    }
}
