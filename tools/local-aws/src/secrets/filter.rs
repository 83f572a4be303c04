//! Which secrets a list is of.

use super::model::Secret;
use crate::protocol::{AwsError, Input};

/// Conditions that must all hold.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    key: Field,
    /// Beginnings of words; with `!` in front, those that must not be.
    values: Vec<String>,
}

enum Field {
    Name,
    Description,
    TagKey,
    TagValue,
    All,
}

impl Filters {
    pub(super) fn of(input: &Input<'_>) -> Result<Self, AwsError> {
        input
            .structures("Filters")?
            .iter()
            .map(|filter| {
                let key = match filter.required_text("Key")? {
                    "name" => Field::Name,
                    "description" => Field::Description,
                    "tag-key" => Field::TagKey,
                    "tag-value" => Field::TagValue,
                    "all" => Field::All,
                    other => {
                        return Err(
                            input.refuse(format!("local-aws does not filter secrets by '{other}'"))
                        );
                    }
                };
                let values = filter
                    .texts("Values")?
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                Ok(Filter { key, values })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there is no condition.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a secret meets them all.
    pub(super) fn take(&self, secret: &Secret) -> bool {
        self.0.iter().all(|filter| filter.takes(secret))
    }
}

impl Filter {
    fn takes(&self, secret: &Secret) -> bool {
        self.values
            .iter()
            .any(|value| match value.strip_prefix('!') {
                Some(unwanted) => !self.key.begins(secret, unwanted),
                None => self.key.begins(secret, value),
            })
    }
}

impl Field {
    fn begins(&self, secret: &Secret, value: &str) -> bool {
        let value_lower = value.to_lowercase();
        // All but `all` distinguish upper and lower case.
        match self {
            Self::Name => secret.name.starts_with(value),
            Self::Description => secret
                .description
                .iter()
                .any(|text| text.starts_with(value)),
            Self::TagKey => secret.tags.keys().any(|key| key.starts_with(value)),
            Self::TagValue => secret.tags.values().any(|text| text.starts_with(value)),
            Self::All => secret
                .tags
                .iter()
                .flat_map(|(key, value)| [key, value])
                .chain(&secret.description)
                .chain([&secret.name])
                .any(|text| text.to_lowercase().starts_with(&value_lower)),
        }
    }
}
