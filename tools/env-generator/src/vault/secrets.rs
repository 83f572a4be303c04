//! Secrets Manager.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use aws::explain;
use aws_sdk_secretsmanager::operation::describe_secret::{
    DescribeSecretError, DescribeSecretOutput,
};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use toolkit::console::counted;

use super::{PARALLEL, Vault, paced};
use crate::answer::text_of;
use crate::batch::{Batch, secret_batches};
use crate::missing::Why;
use crate::reference::{Place, Reference, Version};
use crate::secret_text::SecretText;

/// Whole secrets by ARN and version.
type Texts = BTreeMap<(String, Version), SecretText>;
type TextOfSecret = ((String, Version), SecretText);

impl Vault {
    pub(super) async fn missing_secret(
        &self,
        region: &str,
        arn: &str,
        version: &Version,
    ) -> anyhow::Result<Option<Why>> {
        let answer = self
            .clients
            .secrets(region)
            .describe_secret()
            .secret_id(arn)
            .send()
            .await;
        match answer {
            Ok(secret) if secret.deleted_date().is_some() => Ok(Some(Why::Deleted)),
            Ok(secret) if !has_version(&secret, version) => Ok(Some(Why::Version)),
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(DescribeSecretError::ResourceNotFoundException(_))
                ) =>
            {
                Ok(Some(Why::Absent))
            }
            Err(error) => Err(explain(&format!("look up the secret {arn}"), error)),
        }
    }

    /// Whole secrets by ARN and version: current ones in batches, others one by one, each once.
    pub(super) async fn secret_texts(&self, references: &[Reference]) -> anyhow::Result<Texts> {
        let batches = stream::iter(secret_batches(references).into_iter().enumerate())
            .map(|(turn, batch)| self.batch_of_secrets(turn, batch))
            .buffered(PARALLEL)
            .try_concat();
        let singles: BTreeSet<(&str, &str, &Version)> = references
            .iter()
            .filter_map(|reference| match &reference.place {
                Place::Secret {
                    arn,
                    region,
                    version,
                    ..
                } if *version != Version::Current => Some((region.as_str(), arn.as_str(), version)),
                _ => None,
            })
            .collect();
        let singles = stream::iter(singles.into_iter().enumerate())
            .map(|(turn, (region, arn, version))| self.one_secret(turn, region, arn, version))
            .buffered(PARALLEL)
            .try_collect::<Vec<_>>();
        let (batches, singles) = tokio::try_join!(batches, singles)?;
        Ok(batches.into_iter().chain(singles).collect())
    }

    async fn batch_of_secrets(
        &self,
        turn: usize,
        batch: Batch,
    ) -> anyhow::Result<Vec<TextOfSecret>> {
        let Batch { region, ids: arns } = batch;
        if let [arn] = arns.as_slice() {
            // A permission less than for a batch.
            let one = self.one_secret(turn, &region, arn, &Version::Current);
            return Ok(vec![one.await?]);
        }
        paced(turn).await;
        let what = format!("read {} in {region}", counted(arns.len() as u64, "secret"));
        let answer = self
            .clients
            .secrets(&region)
            .batch_get_secret_value()
            .set_secret_id_list(Some(arns.clone()))
            .send()
            .await
            .map_err(|error| explain(&what, error))?;
        if let Some(error) = answer.errors().first() {
            bail!(
                "cannot read the secret {}: {} ({})",
                error.secret_id().unwrap_or("without a name"),
                error.message().unwrap_or("no message"),
                error.error_code().unwrap_or("an error without a code")
            );
        }
        let mut texts = Vec::new();
        for entry in answer.secret_values.unwrap_or_default() {
            let known = entry.arn.unwrap_or_default();
            // The six characters of AWS's own choice may have been left out.
            let asked = arns.iter().find(|arn| {
                **arn == known
                    || known
                        .strip_prefix(arn.as_str())
                        .is_some_and(|rest| rest.len() == 7)
            });
            let Some(arn) = asked else { continue };
            texts.push((
                (arn.clone(), Version::Current),
                text_of(entry.secret_string, arn)?,
            ));
        }
        Ok(texts)
    }

    async fn one_secret(
        &self,
        turn: usize,
        region: &str,
        arn: &str,
        version: &Version,
    ) -> anyhow::Result<TextOfSecret> {
        paced(turn).await;
        let mut call = self
            .clients
            .secrets(region)
            .get_secret_value()
            .secret_id(arn);
        call = match version {
            Version::Current => call,
            Version::Stage(stage) => call.version_stage(stage),
            Version::Id(id) => call.version_id(id),
        };
        let answer = call
            .send()
            .await
            .map_err(|error| explain(&format!("read the secret {arn}"), error))?;
        Ok((
            (arn.to_owned(), version.clone()),
            text_of(answer.secret_string, arn)?,
        ))
    }
}

fn has_version(secret: &DescribeSecretOutput, version: &Version) -> bool {
    let Some(versions) = secret.version_ids_to_stages() else {
        return *version == Version::Current;
    };
    match version {
        Version::Current => true,
        Version::Id(id) => versions.contains_key(id),
        Version::Stage(stage) => versions.values().any(|stages| stages.contains(stage)),
    }
}
