//! References, sorted into as few calls as AWS takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Place, Reference, Version};

/// The most names that GetParameters takes.
const BATCH: usize = 10;
/// The most secrets that BatchGetSecretValue takes.
const SECRET_BATCH: usize = 20;

/// The parameters by region, each once, in batches that GetParameters takes.
pub(crate) fn parameter_batches(references: &[Reference]) -> Vec<(String, Vec<String>)> {
    let ids = references
        .iter()
        .filter_map(|reference| match &reference.place {
            Place::Parameter { id, region } => Some((region.as_str(), id.as_str())),
            Place::Secret { .. } => None,
        });
    batches(ids, BATCH)
}

/// The secrets whose current version is asked for, each once, in batches that BatchGetSecretValue takes.
pub(crate) fn secret_batches(references: &[Reference]) -> Vec<(String, Vec<String>)> {
    let arns = references
        .iter()
        .filter_map(|reference| match &reference.place {
            Place::Secret {
                arn,
                region,
                version: Version::Current,
                ..
            } => Some((region.as_str(), arn.as_str())),
            _ => None,
        });
    batches(arns, SECRET_BATCH)
}

fn batches<'r>(
    ids: impl Iterator<Item = (&'r str, &'r str)>,
    size: usize,
) -> Vec<(String, Vec<String>)> {
    let mut by_region: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (region, id) in ids {
        by_region.entry(region).or_default().insert(id);
    }
    let mut batches = Vec::new();
    for (region, ids) in by_region {
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        for batch in ids.chunks(size) {
            batches.push((region.to_owned(), batch.to_vec()));
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_each_parameter_once_in_batches_of_ten() {
        let reference = |number: usize, region: &str| Reference {
            variable: format!("V{number}"),
            origin: crate::settings::Origin {
                source: "longshore.toml".to_owned(),
                line: 1,
            },
            place: Place::Parameter {
                id: format!("/p/{:02}", number % 12),
                region: region.to_owned(),
            },
        };
        let references: Vec<Reference> = (0..24)
            .map(|number| reference(number, "us-east-1"))
            .chain([reference(0, "eu-west-1")])
            .collect();
        let sizes: Vec<(String, usize)> = parameter_batches(&references)
            .into_iter()
            .map(|(region, ids)| (region, ids.len()))
            .collect();
        assert_eq!(
            sizes,
            [
                ("eu-west-1".to_owned(), 1),
                ("us-east-1".to_owned(), 10),
                ("us-east-1".to_owned(), 2)
            ]
        );
    }
}
