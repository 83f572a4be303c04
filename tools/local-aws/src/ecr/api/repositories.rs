//! Repositories.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::page::page;
use super::{own_registry, repository, tags};
use crate::ecr::Ecr;
use crate::ecr::model::{Mutability, Repository};
use crate::protocol::{Answer, AwsError, Input, timestamp};

/// ECR's, per repository.
const MOST_EXCLUSIONS: usize = 5;

pub(super) fn create(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?.to_owned();
    let (mutability, exclusions) = mutability(input)?;
    let scan_on_push = match input.structure("imageScanningConfiguration")? {
        Some(scanning) => scanning.flag("scanOnPush")?.unwrap_or(false),
        None => false,
    };
    let encryption = input.structure("encryptionConfiguration")?;
    let (encryption, kms_key) = match encryption {
        Some(encryption) => (
            encryption.required_text("encryptionType")?.to_owned(),
            encryption.text("kmsKey")?.map(str::to_owned),
        ),
        None => ("AES256".to_owned(), None),
    };
    if !["AES256", "KMS", "KMS_DSSE"].contains(&encryption.as_str()) {
        return Err(input.refuse("encryptionType must be AES256, KMS or KMS_DSSE"));
    }
    let mut tags = BTreeMap::new();
    tags::add(&mut tags, input)?;
    let repository = ecr.create(Repository {
        name,
        created_ms: ecr.clock.now_ms(),
        mutability,
        exclusions,
        scan_on_push,
        encryption,
        kms_key,
        tags,
        policy: None,
        lifecycle: None,
    })?;
    Ok(json!({ "repository": described(ecr, &repository) }))
}

pub(super) fn describe(ecr: &Ecr, input: &Input<'_>) -> Answer {
    own_registry(ecr, input)?;
    let names = input.texts("repositoryNames")?;
    let shelves = ecr.shelves();
    if !names.is_empty() {
        let found = names
            .iter()
            .map(|name| match shelves.get(*name) {
                Some(shelf) => Ok(described(ecr, &shelf.repository)),
                None => Err(ecr.no_repository(name).into()),
            })
            .collect::<Result<Vec<Value>, AwsError>>()?;
        return Ok(json!({ "repositories": found }));
    }
    let all = shelves.values().map(|shelf| &shelf.repository).collect();
    let (repositories, token) = page(input, all, |repository| repository.name.clone())?;
    let mut answer = json!({
        "repositories": repositories
            .into_iter()
            .map(|repository| described(ecr, repository))
            .collect::<Value>(),
    });
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    Ok(answer)
}

pub(super) fn delete(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    let force = input.flag("force")?.unwrap_or(false);
    let removed = ecr.delete(name, force)?;
    Ok(json!({ "repository": described(ecr, &removed) }))
}

pub(super) fn put_mutability(ecr: &Ecr, input: &Input<'_>) -> Answer {
    let name = repository(ecr, input)?;
    input.required_text("imageTagMutability")?;
    let (mutability, exclusions) = mutability(input)?;
    ecr.change(name, |repository| {
        repository.mutability = mutability;
        repository.exclusions.clone_from(&exclusions);
        Ok::<_, AwsError>(())
    })?;
    let mut answer = json!({
        "registryId": ecr.account.id,
        "repositoryName": name,
        "imageTagMutability": mutability.as_str(),
    });
    if mutability.has_exclusions() {
        answer["imageTagMutabilityExclusionFilters"] = filters(&exclusions);
    }
    Ok(answer)
}

fn mutability(input: &Input<'_>) -> Result<(Mutability, Vec<String>), AwsError> {
    let mutability = match input.text("imageTagMutability")? {
        None => Mutability::Mutable,
        Some(text) => Mutability::parse(text)
            .ok_or_else(|| input.refuse(format!("'{text}' is no imageTagMutability")))?,
    };
    let exclusions = input
        .structures("imageTagMutabilityExclusionFilters")?
        .iter()
        .map(|filter| {
            if filter.required_text("filterType")? != "WILDCARD" {
                return Err(input.refuse("the filterType must be WILDCARD"));
            }
            Ok(filter.required_text("filter")?.to_owned())
        })
        .collect::<Result<Vec<_>, _>>()?;
    let is_named = |c: char| c.is_ascii_alphanumeric() || "._*-".contains(c);
    if exclusions
        .iter()
        .any(|filter| filter.len() > 128 || !filter.chars().all(is_named))
    {
        return Err(input.refuse(
            "a filter has at most 128 letters, digits, dots, hyphens, underscores and asterisks",
        ));
    }
    match (mutability.has_exclusions(), exclusions.len()) {
        (true, 0) => Err(input.refuse(format!(
            "imageTagMutabilityExclusionFilters must be given with {}",
            mutability.as_str()
        ))),
        (true, 1..=MOST_EXCLUSIONS) | (false, 0) => Ok((mutability, exclusions)),
        (true, _) => Err(input.refuse(format!("at most {MOST_EXCLUSIONS} filters may be given"))),
        (false, _) => Err(input.refuse(format!(
            "imageTagMutabilityExclusionFilters must not be given with {}",
            mutability.as_str()
        ))),
    }
}

fn filters(exclusions: &[String]) -> Value {
    exclusions
        .iter()
        .map(|filter| json!({ "filterType": "WILDCARD", "filter": filter }))
        .collect()
}

/// A repository as the API shows it. Its URI names this server, so that docker and ECS on this machine can use
/// it as it is; loopback registries need no TLS.
pub(super) fn described(ecr: &Ecr, repository: &Repository) -> Value {
    let mut encryption = json!({ "encryptionType": repository.encryption });
    if let Some(key) = &repository.kms_key {
        encryption["kmsKey"] = key.as_str().into();
    }
    let mut described = json!({
        "repositoryArn": arn(ecr, &repository.name),
        "registryId": ecr.account.id,
        "repositoryName": repository.name,
        "repositoryUri": format!("{}/{}", ecr.endpoint_host, repository.name),
        "createdAt": timestamp(repository.created_ms),
        "imageTagMutability": repository.mutability.as_str(),
        "imageScanningConfiguration": { "scanOnPush": repository.scan_on_push },
        "encryptionConfiguration": encryption,
    });
    if repository.mutability.has_exclusions() {
        described["imageTagMutabilityExclusionFilters"] = filters(&repository.exclusions);
    }
    described
}

/// `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
pub(super) fn arn(ecr: &Ecr, name: &str) -> String {
    ecr.account.arn("ecr", &format!("repository/{name}"))
}
