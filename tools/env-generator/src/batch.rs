//! References, sorted into as few calls as AWS takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Place, Reference, Version};

/// The most names that GetParameters takes.
pub(crate) const BATCH: usize = 10;
/// The most names that DescribeParameters filters by, and the most parameters that it shows in one answer.
const DESCRIBED: usize = 50;
/// The most secrets that BatchGetSecretValue takes.
const SECRET_BATCH: usize = 20;

/// What is asked for in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) region: String,
    /// Names or ARNs, each once.
    pub(crate) ids: Vec<String>,
}

impl Batch {
    /// The same in batches of at most `size`.
    pub(crate) fn split(&self, size: usize) -> impl Iterator<Item = Self> {
        self.ids.chunks(size).map(|ids| Self {
            region: self.region.clone(),
            ids: ids.to_vec(),
        })
    }
}

/// Parameters by region and id, in batches that GetParameters takes.
pub(crate) fn parameter_batches(ids: BTreeSet<(String, String)>) -> Vec<Batch> {
    batches(ids, BATCH)
}

/// Those parameters that are better described than got, in batches that DescribeParameters takes, and the
/// others. It knows current versions of parameters of the caller's own by their names, and is worth its
/// permission where GetParameters would take several calls.
pub(crate) fn described(
    ids: BTreeSet<(String, String)>,
) -> (Vec<Batch>, BTreeSet<(String, String)>) {
    let (named, others): (BTreeSet<_>, BTreeSet<_>) =
        ids.into_iter().partition(|(_, id)| !id.contains(':'));
    if named.len() > BATCH {
        (batches(named, DESCRIBED), others)
    } else {
        (Vec::new(), named.into_iter().chain(others).collect())
    }
}

/// The secrets whose current version is asked for, in batches that BatchGetSecretValue takes.
pub(crate) fn secret_batches(references: &[Reference]) -> Vec<Batch> {
    let arns = references
        .iter()
        .filter_map(|reference| match &reference.place {
            Place::Secret {
                arn,
                region,
                version: Version::Current,
                ..
            } => Some((region.clone(), arn.clone())),
            _ => None,
        });
    batches(arns.collect(), SECRET_BATCH)
}

fn batches(ids: BTreeSet<(String, String)>, size: usize) -> Vec<Batch> {
    let mut by_region: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (region, id) in ids {
        by_region.entry(region).or_default().push(id);
    }
    by_region
        .into_iter()
        .flat_map(|(region, ids)| {
            let whole = Batch { region, ids };
            whole.split(size).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize, region: &str) -> BTreeSet<(String, String)> {
        (0..count)
            .map(|number| (region.to_owned(), format!("/p/{number:03}")))
            .collect()
    }

    fn sizes(batches: &[Batch]) -> Vec<(&str, usize)> {
        batches
            .iter()
            .map(|batch| (batch.region.as_str(), batch.ids.len()))
            .collect()
    }

    #[test]
    fn asks_for_ten_parameters_of_a_region_at_a_time() {
        let mut both = ids(12, "us-east-1");
        both.extend(ids(1, "eu-west-1"));
        assert_eq!(
            sizes(&parameter_batches(both)),
            [("eu-west-1", 1), ("us-east-1", 10), ("us-east-1", 2)]
        );
    }

    #[test]
    fn describes_where_that_takes_fewer_calls() {
        let (many, few) = described(ids(10, "us-east-1"));
        assert_eq!((many.len(), few.len()), (0, 10));
        let mut more = ids(200, "us-east-1");
        more.insert(("us-east-1".to_owned(), "/p/000:3".to_owned()));
        let (many, few) = described(more);
        assert_eq!(sizes(&many), [("us-east-1", 50); 4]);
        assert_eq!(
            few.into_iter().map(|(_, id)| id).collect::<Vec<_>>(),
            ["/p/000:3"]
        );
        assert_eq!(
            sizes(&many[0].split(BATCH).collect::<Vec<_>>()),
            [("us-east-1", 10); 5]
        );
    }
}
