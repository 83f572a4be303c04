//! Which parameters a list is of.

use super::model::Parameter;
use super::read::is_below;
use crate::protocol::{AwsError, Input};

/// Conditions that must all hold.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    subject: Subject,
    test: Test,
    values: Vec<String>,
}

enum Subject {
    Name,
    Type,
    KeyId,
    Tier,
    Path,
    Tag(String),
}

#[derive(Clone, Copy)]
enum Test {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

impl Filters {
    /// Those of GetParametersByPath, which knows fewer.
    pub(super) fn by_path(input: &Input<'_>) -> Result<Self, AwsError> {
        let filters = Self::given(input)?;
        let is_known = |filter: &Filter| matches!(filter.subject, Subject::Type | Subject::KeyId);
        if filters.0.iter().all(is_known) {
            Ok(filters)
        } else {
            Err(unknown(
                "the keys that GetParametersByPath filters by are Type and KeyId",
            ))
        }
    }

    /// Those of DescribeParameters, in the new form and in the old.
    pub(super) fn described(input: &Input<'_>) -> Result<Self, AwsError> {
        let mut filters = Self::given(input)?;
        for old in input.structures("Filters")? {
            let subject = Subject::parse(old.required_text("Key")?)?;
            let test = match subject {
                Subject::Name => Test::BeginsWith,
                _ => Test::Equals,
            };
            filters.0.push(Filter {
                subject,
                test,
                values: values(&old)?,
            });
        }
        Ok(filters)
    }

    fn given(input: &Input<'_>) -> Result<Self, AwsError> {
        input
            .structures("ParameterFilters")?
            .iter()
            .map(|filter| {
                let subject = Subject::parse(filter.required_text("Key")?)?;
                let test = Test::parse(&subject, filter.text("Option")?)?;
                Ok(Filter {
                    subject,
                    test,
                    values: values(filter)?,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a parameter meets them all.
    pub(super) fn take(&self, parameter: &Parameter) -> bool {
        self.0.iter().all(|filter| filter.takes(parameter))
    }
}

impl Filter {
    fn takes(&self, parameter: &Parameter) -> bool {
        let subject = match &self.subject {
            Subject::Name | Subject::Path => Some(parameter.name.as_str()),
            Subject::Type => Some(parameter.kind.as_str()),
            Subject::Tier => Some(parameter.tier()),
            Subject::KeyId => parameter.key_id.as_deref(),
            Subject::Tag(key) => parameter.tags.get(key).map(String::as_str),
        };
        // A tag's key alone is a filter too.
        subject.is_some_and(|subject| {
            self.values.is_empty()
                || self
                    .values
                    .iter()
                    .any(|value| self.test.holds(subject, value))
        })
    }
}

impl Subject {
    fn parse(key: &str) -> Result<Self, AwsError> {
        match key {
            "Name" => Ok(Self::Name),
            "Type" => Ok(Self::Type),
            "KeyId" => Ok(Self::KeyId),
            "Tier" => Ok(Self::Tier),
            "Path" => Ok(Self::Path),
            _ => key
                .strip_prefix("tag:")
                .map(|key| Self::Tag(key.to_owned()))
                .ok_or_else(|| {
                    unknown(&format!("local-aws does not filter parameters by '{key}'"))
                }),
        }
    }
}

impl Test {
    fn parse(subject: &Subject, option: Option<&str>) -> Result<Self, AwsError> {
        match (subject, option) {
            (Subject::Path, Some("Recursive")) => Ok(Self::Recursive),
            (Subject::Path, None | Some("OneLevel")) => Ok(Self::OneLevel),
            (Subject::Name, Some("Contains")) => Ok(Self::Contains),
            (Subject::Name | Subject::KeyId, Some("BeginsWith")) => Ok(Self::BeginsWith),
            (Subject::Path, Some(other)) => Err(bad_option(other)),
            (_, None | Some("Equals")) => Ok(Self::Equals),
            (_, Some(other)) => Err(bad_option(other)),
        }
    }

    fn holds(self, subject: &str, value: &str) -> bool {
        match self {
            Self::Equals => subject == value,
            Self::BeginsWith => subject.starts_with(value),
            Self::Contains => subject.contains(value),
            Self::OneLevel => is_below(subject, value, false),
            Self::Recursive => is_below(subject, value, true),
        }
    }
}

fn values(filter: &Input<'_>) -> Result<Vec<String>, AwsError> {
    Ok(filter
        .texts("Values")?
        .into_iter()
        .map(str::to_owned)
        .collect())
}

fn unknown(message: &str) -> AwsError {
    AwsError::new("InvalidFilterKey", message)
}

fn bad_option(option: &str) -> AwsError {
    AwsError::new(
        "InvalidFilterOption",
        format!("The filter option '{option}' isn't valid for this key."),
    )
}
