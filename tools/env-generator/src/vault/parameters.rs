//! Parameter Store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use aws::explain;
use aws_sdk_ssm::types::{Parameter, ParameterStringFilter, ParameterTier, ParameterType};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use toolkit::console::counted;
use zeroize::Zeroize as _;

use super::{PARALLEL, ParameterId, Vault, paced};
use crate::answer::parameter_value;
use crate::batch::{self, Batch, parameter_batches};
use crate::reference::{Place, Reference};
use crate::secret_text::SecretText;

/// A parameter and its value.
type Valued = (ParameterId, SecretText);

impl Vault {
    /// The ids among the references that Parameter Store does not know.
    pub(super) async fn absent_parameters(
        &self,
        references: &[Reference],
    ) -> anyhow::Result<BTreeSet<ParameterId>> {
        let ids = self.unlisted(references, |_value| true);
        let (many, few) = batch::described(ids);
        let mut absent = BTreeSet::new();
        let mut rest = parameter_batches(few);
        if !many.is_empty() {
            match self.undescribed(&many).await? {
                Some(unknown) => absent.extend(unknown),
                // Not everybody may list; who may read may at least ask for names.
                None => rest.extend(many.iter().flat_map(|batch| batch.split(batch::BATCH))),
            }
        }
        let unread: Vec<ParameterId> = stream::iter(rest.into_iter().enumerate())
            .map(|(turn, batch)| self.unread(turn, batch))
            .buffered(PARALLEL)
            .try_concat()
            .await?;
        absent.extend(unread);
        Ok(absent)
    }

    /// The ids of all batches that DescribeParameters does not know: it shows no value at all, and fifty
    /// names a call. None if the caller may not ask for it.
    async fn undescribed(&self, batches: &[Batch]) -> anyhow::Result<Option<Vec<ParameterId>>> {
        let mut absent = Vec::new();
        for batch in batches {
            let Some(known) = self.described(batch).await? else {
                return Ok(None);
            };
            let unknown = batch.ids.iter().filter(|id| !known.contains(*id));
            absent.extend(unknown.map(|id| (batch.region.clone(), id.clone())));
        }
        Ok(Some(absent))
    }

    async fn described(&self, batch: &Batch) -> anyhow::Result<Option<BTreeSet<String>>> {
        let client = self.clients.parameters(&batch.region);
        let filter = ParameterStringFilter::builder()
            .key("Name")
            .option("Equals")
            .set_values(Some(batch.ids.clone()))
            .build()?;
        let mut known = BTreeSet::new();
        let mut token = None;
        loop {
            let answer = client
                .describe_parameters()
                .parameter_filters(filter.clone())
                .max_results(50)
                .set_next_token(token)
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if aws::code(&error) == Some("AccessDeniedException") => {
                    return Ok(None);
                }
                Err(error) => return Err(explain(&what("look up", batch), error)),
            };
            let parameters = page.parameters.unwrap_or_default();
            known.extend(parameters.into_iter().filter_map(|found| found.name));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(Some(known));
            }
        }
    }

    /// The ids of a batch that GetParameters does not know. Secure strings come back encrypted, and nothing
    /// of the answer is kept.
    async fn unread(&self, turn: usize, batch: Batch) -> anyhow::Result<Vec<ParameterId>> {
        let (unknown, _) = self.got(turn, &batch, false).await?;
        Ok(unknown
            .into_iter()
            .map(|id| (batch.region.clone(), id))
            .collect())
    }

    /// The values of all parameters among the references, those that are there.
    pub(super) async fn parameter_values(
        &self,
        references: &[Reference],
    ) -> anyhow::Result<BTreeMap<ParameterId, SecretText>> {
        let ids = self.unlisted(references, Option::is_some);
        let read: Vec<Valued> = stream::iter(parameter_batches(ids).into_iter().enumerate())
            .map(|(turn, batch)| self.read(turn, batch))
            .buffered(PARALLEL)
            .try_concat()
            .await?;
        let listed = self.listed();
        let listed = listed
            .iter()
            .filter_map(|(id, value)| Some((id.clone(), value.clone()?)));
        Ok(listed.chain(read).collect())
    }

    async fn read(&self, turn: usize, batch: Batch) -> anyhow::Result<Vec<Valued>> {
        let (_, mut parameters) = self.got(turn, &batch, true).await?;
        let values = batch
            .ids
            .iter()
            .filter_map(|id| {
                let value = parameter_value(&parameters, id)?;
                Some(((batch.region.clone(), id.clone()), value))
            })
            .collect();
        wipe(&mut parameters);
        Ok(values)
    }

    /// What GetParameters does not know of a batch, and what it does.
    async fn got(
        &self,
        turn: usize,
        batch: &Batch,
        clear: bool,
    ) -> anyhow::Result<(Vec<String>, Vec<Parameter>)> {
        paced(turn).await;
        let verb = if clear { "read" } else { "look up" };
        let answer = self
            .clients
            .parameters(&batch.region)
            .get_parameters()
            .set_names(Some(batch.ids.clone()))
            .with_decryption(clear)
            .send()
            .await
            .map_err(|error| explain(&what(verb, batch), error))?;
        Ok((
            answer.invalid_parameters.unwrap_or_default(),
            answer.parameters.unwrap_or_default(),
        ))
    }

    /// Names of the parameters below a path, at any depth. They need not be looked up again, nor read if
    /// values will be asked for.
    pub(crate) async fn names_below(
        &self,
        path: &str,
        region: &str,
    ) -> anyhow::Result<Vec<String>> {
        let mut below = self.below(path, region, self.reads_values).await?;
        let mut listed = self.listed();
        let names = below
            .iter()
            .filter_map(|parameter| {
                let value = parameter.value().filter(|_| self.reads_values);
                let value = value.map(|text| SecretText::new(text.to_owned()));
                let name = parameter.name()?;
                listed.insert((region.to_owned(), name.to_owned()), value);
                Some(name.to_owned())
            })
            .collect();
        wipe(&mut below);
        Ok(names)
    }

    /// The parameters below a path, at any depth, page by page: each page's token is in the one before.
    pub(crate) async fn below(
        &self,
        path: &str,
        region: &str,
        clear: bool,
    ) -> anyhow::Result<Vec<Parameter>> {
        let client = self.clients.parameters(region);
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
        self.clients
            .parameters(region)
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

    /// The parameters among the references, without those of a listing with an entry that will do.
    fn unlisted(
        &self,
        references: &[Reference],
        will_do: impl Fn(&Option<SecretText>) -> bool,
    ) -> BTreeSet<ParameterId> {
        let listed = self.listed();
        references
            .iter()
            .filter_map(|reference| match &reference.place {
                Place::Parameter { id, region } => Some((region.clone(), id.clone())),
                Place::Secret { .. } => None,
            })
            .filter(|id| !listed.get(id).is_some_and(&will_do))
            .collect()
    }

    fn listed(&self) -> MutexGuard<'_, BTreeMap<ParameterId, Option<SecretText>>> {
        // The map is whole at any moment.
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn what(verb: &str, batch: &Batch) -> String {
    let parameters = counted(batch.ids.len() as u64, "parameter");
    format!("{verb} {parameters} in {}", batch.region)
}

fn wipe(parameters: &mut [Parameter]) {
    for parameter in parameters {
        parameter.value.zeroize();
    }
}
