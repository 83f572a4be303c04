//! What containers need besides their images: secrets and log groups.

use std::collections::{BTreeMap, HashMap};

use aws::SdkConfig;
use aws_sdk_ecs::types::ContainerDefinition;
use aws_sdk_secretsmanager::Client as Secrets;
use serde::de::IgnoredAny;

use super::{each, in_region};
use crate::verify::found::{Found, Hidden, found};
use crate::verify::secrets::{Place, Seen, Used};
use crate::verify::watch::LogPlace;

/// GetParameters takes this many.
const NAMES_A_CALL: usize = 10;

pub(super) async fn secrets(config: &SdkConfig, containers: &[ContainerDefinition]) -> Vec<Used> {
    let mut used = references(containers);
    let parameters: Vec<String> = used
        .iter()
        .filter_map(|it| match Place::parse(&it.value_from) {
            Ok(Place::Parameter(name)) => Some(name),
            _ => None,
        })
        .collect();
    let (known, others) = tokio::join!(
        known_parameters(config, &parameters),
        each(
            used.iter().map(|it| it.value_from.clone()).collect(),
            |from| {
                let config = config.clone();
                async move {
                    match Place::parse(&from) {
                        Ok(place @ Place::Secret { .. }) => Some(secret(&config, place).await),
                        _ => None,
                    }
                }
            }
        ),
    );
    for (one, other) in used.iter_mut().zip(others) {
        one.found = match (other, known.get(&one.value_from)) {
            (Some(found), _) => found,
            (None, Some(found)) => found.clone(),
            (None, None) => Found::Missing,
        };
    }
    used
}

/// Everything of a task definition that is a secret, of which nothing is known yet.
fn references(containers: &[ContainerDefinition]) -> Vec<Used> {
    let mut used = Vec::new();
    for container in containers {
        let options = container
            .log_configuration()
            .map_or(&[][..], |log| log.secret_options());
        let named = container.secrets().iter().chain(options);
        let mut all: Vec<_> = named
            .map(|it| (it.name().to_owned(), it.value_from().to_owned()))
            .collect();
        if let Some(credentials) = container.repository_credentials() {
            let from = credentials.credentials_parameter().to_owned();
            all.push(("the registry's credentials".to_owned(), from));
        }
        used.extend(all.into_iter().map(|(name, value_from)| Used {
            container: container.name().unwrap_or_default().to_owned(),
            name,
            value_from,
            found: Found::Missing,
        }));
    }
    used
}

/// Each name with what was found. The values are not decrypted, and dropped with the answer.
async fn known_parameters(config: &SdkConfig, names: &[String]) -> HashMap<String, Found<Seen>> {
    let mut by_region: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for name in names {
        let region = name
            .starts_with("arn:")
            .then(|| name.split(':').nth(3))
            .flatten();
        let names = by_region.entry(region.map(str::to_owned)).or_default();
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let calls: Vec<_> = by_region
        .into_iter()
        .flat_map(|(region, names)| {
            let chunks: Vec<_> = names.chunks(NAMES_A_CALL).map(<[String]>::to_vec).collect();
            chunks.into_iter().map(move |names| (region.clone(), names))
        })
        .collect();
    let answers = each(calls, |(region, names)| {
        let client = aws_sdk_ssm::Client::new(&in_region(config, region.as_deref()));
        async move {
            let answer = client
                .get_parameters()
                .set_names(Some(names.clone()))
                .send()
                .await;
            let invalid = found("ssm:GetParameters", &[], answer)
                .map(|answer| answer.invalid_parameters.unwrap_or_default());
            (names, invalid)
        }
    })
    .await;
    let mut known = HashMap::new();
    for (names, invalid) in answers {
        for name in names {
            let found = match &invalid {
                Found::Known(invalid) if !invalid.contains(&name) => Found::Known(Seen {
                    is_being_deleted: false,
                    has_version: true,
                    has_key: None,
                }),
                Found::Known(_) | Found::Missing => Found::Missing,
                Found::Hidden(hidden) => Found::Hidden(hidden.clone()),
            };
            known.insert(name, found);
        }
    }
    known
}

async fn secret(config: &SdkConfig, place: Place) -> Found<Seen> {
    let Place::Secret {
        arn,
        key,
        stage,
        version,
    } = place
    else {
        return Found::Missing;
    };
    let client = Secrets::new(&in_region(config, arn.split(':').nth(3)));
    let described = async {
        let answer = client.describe_secret().secret_id(&arn).send().await;
        found(
            "secretsmanager:DescribeSecret",
            &["ResourceNotFoundException"],
            answer,
        )
    };
    let has_key = async {
        match &key {
            Some(key) => {
                Some(has_key(&client, &arn, key, stage.as_deref(), version.as_deref()).await)
            }
            None => None,
        }
    };
    let (described, has_key) = tokio::join!(described, has_key);
    described.map(|answer| {
        let wanted = stage.as_deref().unwrap_or("AWSCURRENT");
        let versions = answer.version_ids_to_stages();
        let has_version = versions.is_some_and(|versions| match &version {
            Some(version) => versions.contains_key(version),
            None => versions.values().flatten().any(|stage| stage == wanted),
        });
        Seen {
            is_being_deleted: answer.deleted_date().is_some(),
            has_version,
            has_key,
        }
    })
}

/// Whether the secret's JSON has the key. Its values are passed over while it is read, and the text is
/// dropped with the answer.
async fn has_key(
    client: &Secrets,
    arn: &str,
    key: &str,
    stage: Option<&str>,
    version: Option<&str>,
) -> Found<bool> {
    let answer = client
        .get_secret_value()
        .secret_id(arn)
        .set_version_stage(stage.map(str::to_owned))
        .set_version_id(version.map(str::to_owned))
        .send()
        .await;
    match found(
        "secretsmanager:GetSecretValue",
        &["ResourceNotFoundException"],
        answer,
    ) {
        Found::Known(answer) => {
            let text = answer.secret_string().unwrap_or_default();
            match serde_json::from_str::<HashMap<String, IgnoredAny>>(text) {
                Ok(members) => Found::Known(members.contains_key(key)),
                // The parser's words could quote the value.
                Err(_not_json) => Found::Known(false),
            }
        }
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}

pub(super) async fn logs(
    config: &SdkConfig,
    containers: &[ContainerDefinition],
) -> Vec<(LogPlace, Found<()>)> {
    let places: Vec<_> = containers.iter().filter_map(LogPlace::of).collect();
    each(places, |place| {
        let client =
            aws_sdk_cloudwatchlogs::Client::new(&in_region(config, place.region.as_deref()));
        async move {
            let found = match &place.group {
                Some(group) => log_group(&client, group).await,
                None => Found::Missing,
            };
            (place, found)
        }
    })
    .await
}

/// Groups are listed by prefix, in the order of their names: the one with the prefix for a name is the first.
async fn log_group(client: &aws_sdk_cloudwatchlogs::Client, name: &str) -> Found<()> {
    let answer = client
        .describe_log_groups()
        .log_group_name_prefix(name)
        .limit(50)
        .send()
        .await;
    match found(
        "logs:DescribeLogGroups",
        &["ResourceNotFoundException"],
        answer,
    ) {
        Found::Known(answer) => {
            let is_there = answer
                .log_groups()
                .iter()
                .any(|it| it.log_group_name() == Some(name));
            Found::of(is_there.then_some(()))
        }
        Found::Missing => Found::Missing,
        Found::Hidden(hidden @ Hidden { .. }) => Found::Hidden(hidden),
    }
}
