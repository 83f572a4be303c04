//! Parameter Store and Secrets Manager.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws::{SdkConfig, explain};
use aws_sdk_secretsmanager::operation::describe_secret::{
    DescribeSecretError, DescribeSecretOutput,
};
use aws_sdk_ssm::types::{Parameter, ParameterTier, ParameterType};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use toolkit::console::counted;
use zeroize::Zeroize as _;

use crate::answer::{parameter_value, part, text_of};
use crate::batch::{parameter_batches, secret_batches};
use crate::missing::{Missing, Why};
use crate::reference::{Place, Reference, Version};
use crate::secret_text::SecretText;

/// Calls at the same time: far below the quota of 40 a second, which colleagues share.
const PARALLEL: usize = 8;

/// Calls that may go out at once, and the time between those after them: GetParameters' quota is 40 a second
/// for the whole account.
const BURST: usize = 20;
const PACE: Duration = Duration::from_millis(50);

/// Whole secrets by ARN and version.
type Texts = BTreeMap<(String, Version), SecretText>;
type TextOfSecret = ((String, Version), SecretText);

/// Values of secrets by variable.
pub(crate) type Values = BTreeMap<String, SecretText>;

/// The two services, in any region.
pub(crate) struct Vault {
    config: SdkConfig,
}

impl Vault {
    pub(crate) async fn new(region: &str) -> Self {
        Self {
            config: aws::config_in(region).await,
        }
    }

    /// The references that lead to nothing, in their order. No value is asked for in the clear.
    pub(crate) async fn missing<'r>(
        &self,
        references: &'r [Reference],
    ) -> anyhow::Result<Vec<Missing<'r>>> {
        let absent: BTreeSet<(String, String)> =
            stream::iter(parameter_batches(references).into_iter().enumerate())
                .map(|(turn, (region, ids))| self.absent_parameters(turn, region, ids))
                .buffered(PARALLEL)
                .try_concat()
                .await?
                .into_iter()
                .collect();
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
        absent: &BTreeSet<(String, String)>,
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

    /// The ids of a batch that GetParameters does not know, with their region. Secure strings come back
    /// encrypted, and nothing of the answer is kept.
    async fn absent_parameters(
        &self,
        turn: usize,
        region: String,
        ids: Vec<String>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        paced(turn).await;
        let what = format!(
            "look up {} in {region}",
            counted(ids.len() as u64, "parameter")
        );
        let answer = self
            .parameters(&region)
            .get_parameters()
            .set_names(Some(ids))
            .with_decryption(false)
            .send()
            .await
            .map_err(|error| explain(&what, error))?;
        Ok(answer
            .invalid_parameters
            .unwrap_or_default()
            .into_iter()
            .map(|id| (region.clone(), id))
            .collect())
    }

    async fn missing_secret(
        &self,
        region: &str,
        arn: &str,
        version: &Version,
    ) -> anyhow::Result<Option<Why>> {
        let answer = self
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

    /// The values of all references.
    pub(crate) async fn values(&self, references: &[Reference]) -> anyhow::Result<Values> {
        let read = stream::iter(parameter_batches(references).into_iter().enumerate())
            .map(|(turn, (region, ids))| self.decrypted(turn, region, ids))
            .buffered(PARALLEL)
            .try_concat();
        let (mut parameters, texts) = tokio::try_join!(read, self.secret_texts(references))?;
        let values = references
            .iter()
            .map(|reference| {
                let value = match &reference.place {
                    Place::Parameter { id, .. } => parameter_value(&parameters, id)?,
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
            .collect();
        for parameter in &mut parameters {
            parameter.value.zeroize();
        }
        values
    }

    async fn decrypted(
        &self,
        turn: usize,
        region: String,
        ids: Vec<String>,
    ) -> anyhow::Result<Vec<Parameter>> {
        paced(turn).await;
        let what = format!(
            "read {} in {region}",
            counted(ids.len() as u64, "parameter")
        );
        let answer = self
            .parameters(&region)
            .get_parameters()
            .set_names(Some(ids))
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| explain(&what, error))?;
        Ok(answer.parameters.unwrap_or_default())
    }

    /// Whole secrets by ARN and version: current ones in batches, others one by one, each once.
    async fn secret_texts(&self, references: &[Reference]) -> anyhow::Result<Texts> {
        let batches = stream::iter(secret_batches(references).into_iter().enumerate())
            .map(|(turn, (region, arns))| self.batch_of_secrets(turn, region, arns))
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
        region: String,
        arns: Vec<String>,
    ) -> anyhow::Result<Vec<TextOfSecret>> {
        if let [arn] = arns.as_slice() {
            // A permission less than for a batch.
            let one = self.one_secret(turn, &region, arn, &Version::Current);
            return Ok(vec![one.await?]);
        }
        paced(turn).await;
        let what = format!("read {} in {region}", counted(arns.len() as u64, "secret"));
        let answer = self
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
        let mut call = self.secrets(region).get_secret_value().secret_id(arn);
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

    /// Names of the parameters below a path, at any depth. Secure strings come back encrypted.
    pub(crate) async fn names_below(
        &self,
        path: &str,
        region: &str,
    ) -> anyhow::Result<Vec<String>> {
        let below = self.below(path, region, false).await?;
        Ok(below
            .into_iter()
            .filter_map(|parameter| parameter.name)
            .collect())
    }

    /// The parameters below a path, at any depth, page by page: each page's token is in the one before.
    pub(crate) async fn below(
        &self,
        path: &str,
        region: &str,
        clear: bool,
    ) -> anyhow::Result<Vec<Parameter>> {
        let client = self.parameters(region);
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let page = client
                .get_parameters_by_path()
                .path(path)
                .recursive(true)
                .with_decryption(clear)
                .max_results(10)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| {
                    explain(
                        &format!("list the parameters below {path} in {region}"),
                        error,
                    )
                })?;
            all.extend(page.parameters.unwrap_or_default());
            // A page may be empty while there is a next one.
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    /// Writes one parameter, over an older version if there is one.
    pub(crate) async fn put(
        &self,
        region: &str,
        name: &str,
        value: &SecretText,
        kind: ParameterType,
    ) -> anyhow::Result<()> {
        self.parameters(region)
            .put_parameter()
            .name(name)
            .value(value.expose())
            .r#type(kind)
            .tier(ParameterTier::IntelligentTiering)
            .overwrite(true)
            .send()
            .await
            .map_err(|error| explain(&format!("write the parameter {name} in {region}"), error))?;
        Ok(())
    }

    fn parameters(&self, region: &str) -> aws_sdk_ssm::Client {
        let region = aws_sdk_ssm::config::Region::new(region.to_owned());
        let config = aws_sdk_ssm::config::Builder::from(&self.config).region(region);
        aws_sdk_ssm::Client::from_conf(config.build())
    }

    fn secrets(&self, region: &str) -> aws_sdk_secretsmanager::Client {
        let region = aws_sdk_secretsmanager::config::Region::new(region.to_owned());
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.config).region(region);
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

/// Waits until the call has its turn.
async fn paced(turn: usize) {
    let late = u32::try_from(turn.saturating_sub(BURST)).unwrap_or(u32::MAX);
    if late > 0 {
        // At most PARALLEL calls wait at a time, so this is the distance between them.
        tokio::time::sleep(PACE * (u32::try_from(PARALLEL).unwrap_or(1))).await;
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
