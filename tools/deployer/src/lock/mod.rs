//! The deploy lock: one release of a service at a time, whoever starts it and wherever.
//!
//! ECS has no conditional write, so the lock is a parameter of Parameter Store, whose creation without
//! `Overwrite` succeeds for one caller only. It names its owner and ends by itself:
//!
//! - `/longshore/locks/CLUSTER/SERVICE` is the lock. Who creates it holds it, until it is deleted or expires.
//! - A lock that has expired is broken by whoever creates `/longshore/broken-locks/TOKEN` first, TOKEN being the
//!   lock's own. Only that one deletes it. Without this, two that found the same expired lock could each delete
//!   it, the second one deleting the lock that the first has taken since.
//! - A holder deletes its lock only while it has not expired; later it may be somebody else's.

mod record;

use aws::{SdkConfig, code};
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Duration, Instant, sleep};
use toolkit::Console;

pub(crate) use record::{Record, owner};

use crate::trouble::Trouble;

/// Between two attempts to get a lock that somebody holds.
const PAUSE: Duration = Duration::from_secs(3);
/// Clocks of two machines may differ by this much: a holder takes its lock for lost that long before it expires.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// The deploy locks of one cluster.
#[derive(Debug)]
pub(crate) struct Locks {
    ssm: Client,
    cluster: String,
}

/// A lock that this process holds.
#[derive(Debug)]
pub(crate) struct Lock {
    name: String,
    record: Record,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    Acquired(Lock),
    /// Somebody else has it.
    Held(Record),
    /// Locks cannot be had with these permissions, or at this endpoint.
    Unavailable(anyhow::Error),
}

impl Locks {
    pub(crate) fn new(config: &SdkConfig, cluster: &str) -> Self {
        Self {
            ssm: Client::new(config),
            cluster: cluster.to_owned(),
        }
    }

    /// The parameter's name.
    pub(crate) fn name(&self, service: &str) -> String {
        format!("/longshore/locks/{}/{service}", self.cluster)
    }

    /// Gets the lock of a service; waits for it until `patience` where somebody else holds it.
    pub(crate) async fn acquire(
        &self,
        console: &Console,
        service: &str,
        record: &Record,
        patience: Option<Instant>,
    ) -> Result<Attempt, Trouble> {
        let mut is_told = false;
        loop {
            let holder = match self.attempt(service, record).await? {
                Attempt::Held(holder) => holder,
                other => return Ok(other),
            };
            if patience.is_none_or(|patience| Instant::now() >= patience) {
                return Ok(Attempt::Held(holder));
            }
            if !std::mem::replace(&mut is_told, true) {
                console.status(&format!(
                    "waiting for the deploy lock of {service}: {holder}"
                ));
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, service: &str, record: &Record) -> Result<Attempt, Trouble> {
        let name = self.name(service);
        // Once for a lock that is free, once more for one that had to be broken.
        for _ in 0..2 {
            match self.create(&name, &record.to_json()).await {
                Ok(true) => {
                    return Ok(Attempt::Acquired(Lock {
                        name,
                        record: record.clone(),
                    }));
                }
                Ok(false) => {}
                Err(Trouble::Final(error)) => return Ok(Attempt::Unavailable(error)),
                Err(passing) => return Err(passing),
            }
            let Some(holder) = self.holder(service).await? else {
                continue;
            };
            // A call that was repeated after its answer got lost finds its own lock.
            if holder.token == record.token {
                return Ok(Attempt::Acquired(Lock {
                    name,
                    record: holder,
                }));
            }
            if !holder.has_expired(Timestamp::now()) {
                return Ok(Attempt::Held(holder));
            }
            let tombstone = format!("/longshore/broken-locks/{}", holder.token);
            if !self.create(&tombstone, &record.to_json()).await? {
                return Ok(Attempt::Held(holder));
            }
            self.delete(&name).await?;
        }
        match self.holder(service).await? {
            Some(holder) => Ok(Attempt::Held(holder)),
            None => Ok(Attempt::Unavailable(anyhow::anyhow!(
                "the deploy lock {name} comes and goes"
            ))),
        }
    }

    /// Who holds the lock of a service; a text that is no lock's is held by nobody known, for ever.
    pub(crate) async fn holder(&self, service: &str) -> Result<Option<Record>, Trouble> {
        let name = self.name(service);
        match self.ssm.get_parameter().name(&name).send().await {
            Ok(answer) => {
                let parameter = answer.parameter();
                let text = parameter.and_then(|parameter| parameter.value());
                Ok(Some(Record::from_json(text.unwrap_or_default())))
            }
            Err(error) if code(&error) == Some("ParameterNotFound") => Ok(None),
            Err(error) => Err(Trouble::of(
                &format!("look at the deploy lock {name}"),
                error,
            )),
        }
    }

    /// Gives the lock back.
    pub(crate) async fn release(&self, lock: &Lock) -> Result<(), Trouble> {
        if lock.record.has_expired(Timestamp::now() + SKEW) {
            return Ok(());
        }
        self.delete(&lock.name).await
    }

    /// Removes a lock, whoever holds it. For a person who knows that its owner is gone.
    pub(crate) async fn remove(&self, service: &str) -> Result<(), Trouble> {
        self.delete(&self.name(service)).await
    }

    /// Creates a parameter; false if there is one already.
    async fn create(&self, name: &str, text: &str) -> Result<bool, Trouble> {
        let put = self
            .ssm
            .put_parameter()
            .name(name)
            .value(text)
            .r#type(ParameterType::String)
            .overwrite(false)
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("ParameterAlreadyExists") => Ok(false),
            Err(error) => Err(Trouble::of(&format!("take the deploy lock {name}"), error)),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Trouble> {
        match self.ssm.delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ParameterNotFound") => Ok(()),
            Err(error) => Err(Trouble::of(
                &format!("give back the deploy lock {name}"),
                error,
            )),
        }
    }
}
