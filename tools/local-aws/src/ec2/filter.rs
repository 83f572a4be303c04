//! The filters of the describing operations.

use serde_json::Value;

use super::model::Tags;
use crate::protocol::{AwsError, Input};

/// What a resource is asked about.
pub(super) struct Facts<'a> {
    tags: &'a Tags,
    named: Vec<(&'static str, String)>,
}

impl<'a> Facts<'a> {
    pub(super) fn new<const N: usize>(tags: &'a Tags, named: [(&'static str, String); N]) -> Self {
        Self {
            tags,
            named: named.into(),
        }
    }

    /// The values by a filter's name; none if there is no such filter.
    fn of(&self, filter: &str) -> Option<Vec<&str>> {
        if let Some(key) = filter.strip_prefix("tag:") {
            return Some(self.tags.get(key).map(String::as_str).into_iter().collect());
        }
        if filter == "tag-key" {
            return Some(self.tags.keys().map(String::as_str).collect());
        }
        let found = self.named.iter().find(|(name, _)| *name == filter)?;
        Some(vec![&found.1])
    }
}

/// One filter: a resource passes if one of its values matches one of the filter's.
pub(super) struct Filter<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

/// The filters of a request.
pub(super) fn read<'a>(input: &Input<'a>) -> Result<Vec<Filter<'a>>, AwsError> {
    input
        .structures("Filter")?
        .into_iter()
        .map(|filter| {
            Ok(Filter {
                name: filter.required_text("Name")?,
                values: filter.texts("Value")?,
            })
        })
        .collect()
}

/// Whether a resource passes all filters.
pub(super) fn pass(filters: &[Filter<'_>], facts: &Facts<'_>) -> Result<bool, AwsError> {
    for filter in filters {
        let found = facts.of(filter.name).ok_or_else(|| {
            AwsError::new(
                "InvalidParameterValue",
                format!("The filter '{}' is invalid", filter.name),
            )
        })?;
        let matches = |pattern: &&str| found.iter().any(|text| is_like(text, pattern));
        if !filter.values.iter().any(matches) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a request names by id, or all; an id that is not there is an error, as EC2 has it.
pub(super) fn named<'r, T>(
    input: &Input<'_>,
    member: &str,
    all: &'r std::collections::BTreeMap<String, T>,
    missing: impl Fn(&str) -> AwsError,
) -> Result<Vec<(&'r String, &'r T)>, AwsError> {
    let ids = input.texts(member)?;
    if ids.is_empty() {
        return Ok(all.iter().collect());
    }
    ids.into_iter()
        .map(|id| all.get_key_value(id).ok_or_else(|| missing(id)))
        .collect()
}

/// Whether `text` is what `pattern` says; `*` stands for any characters and `?` for one.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    // Where the last `*` was met, and up to where it has swallowed the text.
    let mut star: Option<(usize, usize)> = None;
    let (mut at, mut next) = (0, 0);
    while at < text.len() {
        match pattern.get(next) {
            Some('*') => {
                star = Some((next, at));
                next += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[at] => {
                at += 1;
                next += 1;
            }
            _ => match star.as_mut() {
                Some((place, swallowed)) => {
                    *swallowed += 1;
                    (at, next) = (*swallowed, *place + 1);
                }
                None => return false,
            },
        }
    }
    pattern[next..].iter().all(|rest| *rest == '*')
}

/// An answer with one page of views, in the order of their ids.
pub(super) fn page(
    input: &Input<'_>,
    member: &str,
    found: Vec<(String, Value)>,
) -> Result<Value, AwsError> {
    let size = input.integer("MaxResults")?.unwrap_or(1000).clamp(5, 1000);
    let size = usize::try_from(size).unwrap_or(1000);
    let (found, next) =
        crate::page::page(found, size, input.text("NextToken")?, |(id, _)| id.clone()).map_err(
            |crate::page::BadToken| AwsError::new("InvalidNextToken", "The token is not valid."),
        )?;
    let views: Vec<Value> = found.into_iter().map(|(_, view)| view).collect();
    Ok(serde_json::json!({ member: views, "nextToken": next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_patterns() {
        let table = [
            ("vpc-1", "vpc-1", true),
            ("vpc-1", "vpc-?", true),
            ("vpc-1", "*", true),
            ("a-b-c-b", "a*b", true),
            ("a-b-c", "a*b", false),
            ("vpc-1", "vpc", false),
            ("", "*", true),
            ("", "?", false),
        ];
        for (text, pattern, expected) in table {
            assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
        }
    }
}
