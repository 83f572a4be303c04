//! Reading what all operations have in common. Errors have the codes of the query dialect.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::series::Metric;
use super::statistics::Statistic;
use crate::protocol::{AwsError, Input};

/// The code for a value that is not acceptable.
pub(super) const INVALID: &str = "InvalidParameterValue";

/// AWS's limits.
const MOST_NAME: usize = 255;
const MOST_DIMENSIONS: usize = 30;
const MOST_DIMENSION_VALUE: usize = 1024;
const MOST_TAGS: usize = 50;

const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// A required parameter that is absent.
pub(super) fn missing(name: &str) -> AwsError {
    AwsError::new(
        "MissingParameter",
        format!("The parameter {name} is required."),
    )
}

/// A combination of parameters that is not acceptable.
pub(super) fn combination(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterCombination", message)
}

/// A required text.
pub(super) fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, AwsError> {
    input
        .text(name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| missing(name))
}

/// A point in time in milliseconds since 1970: epoch seconds, or ISO 8601 as the query dialect has it.
pub(super) fn time(input: Input<'_>, name: &str) -> Result<Option<i64>, AwsError> {
    let Some(value) = input.get(name) else {
        return Ok(None);
    };
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            if let Ok(moment) = text.parse::<Timestamp>() {
                return Ok(Some(moment.as_millisecond()));
            }
            text.parse().ok()
        }
        _ => None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked; below a millisecond nothing is kept"
    )]
    seconds
        .filter(|seconds| seconds.abs() < 1e12)
        .map(|seconds| Some((seconds * 1000.0).round() as i64))
        .ok_or_else(|| {
            input.refuse(format!(
                "The parameter {name} must be a timestamp in ISO 8601 format or epoch seconds."
            ))
        })
}

/// A required point in time.
pub(super) fn required_time(input: Input<'_>, name: &str) -> Result<i64, AwsError> {
    time(input, name)?.ok_or_else(|| missing(name))
}

/// `Dimensions`, a list of names and values.
pub(super) fn dimensions(input: Input<'_>) -> Result<Vec<(String, String)>, AwsError> {
    let dimensions = input
        .structures("Dimensions")?
        .into_iter()
        .map(|dimension| {
            let name = required(dimension, "Name")?;
            let value = required(dimension, "Value")?;
            if name.len() > MOST_NAME || value.len() > MOST_DIMENSION_VALUE {
                return Err(input.refuse(format!(
                    "The dimension {name} has a name longer than {MOST_NAME} or a value longer than {MOST_DIMENSION_VALUE} characters."
                )));
            }
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect::<Result<Vec<_>, AwsError>>()?;
    if dimensions.len() > MOST_DIMENSIONS {
        return Err(input.refuse(format!(
            "The parameter Dimensions must have no more than {MOST_DIMENSIONS} members."
        )));
    }
    Ok(dimensions)
}

/// `Namespace`, `MetricName` and `Dimensions`.
pub(super) fn metric(input: Input<'_>) -> Result<Metric, AwsError> {
    let namespace = required(input, "Namespace")?;
    let name = required(input, "MetricName")?;
    for (member, value) in [("Namespace", namespace), ("MetricName", name)] {
        if value.len() > MOST_NAME || (member == "Namespace" && value.starts_with(':')) {
            return Err(input.refuse(format!(
                "The value {value} for parameter {member} is invalid."
            )));
        }
    }
    Ok(Metric::new(namespace, name, dimensions(input)?))
}

/// `Unit`, one of AWS's.
pub(super) fn unit(input: Input<'_>) -> Result<Option<&str>, AwsError> {
    match input.text("Unit")? {
        Some(unit) if !UNITS.contains(&unit) => {
            Err(input.refuse(format!("The value {unit} for parameter Unit is invalid.")))
        }
        unit => Ok(unit),
    }
}

/// A statistic by its name.
pub(super) fn statistic(input: Input<'_>, text: &str) -> Result<Statistic, AwsError> {
    Statistic::parse(text)
        .ok_or_else(|| input.refuse(format!("The value {text} for a statistic is invalid.")))
}

/// A period in seconds.
pub(super) fn period(input: Input<'_>) -> Result<Option<i64>, AwsError> {
    let period = input.integer("Period")?;
    match period {
        Some(seconds) if !is_period(seconds) => Err(input.refuse(format!(
            "The value {seconds} for parameter Period must be 1, 5, 10, 20, 30 or any multiple of 60."
        ))),
        period => Ok(period),
    }
}

fn is_period(seconds: i64) -> bool {
    matches!(seconds, 1 | 5 | 10 | 20 | 30)
        || (seconds >= 60 && seconds % 60 == 0 && seconds <= 7 * 86_400)
}

/// `Tags`, a list of keys and values.
pub(super) fn tags(input: Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let tags = input
        .structures("Tags")?
        .into_iter()
        .map(|tag| {
            let value = tag.text("Value")?.unwrap_or("");
            Ok((required(tag, "Key")?.to_owned(), value.to_owned()))
        })
        .collect::<Result<BTreeMap<_, _>, AwsError>>()?;
    check_tags(&tags)?;
    Ok(tags)
}

/// Refuses more tags than a resource may have.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
    if tags.len() > MOST_TAGS {
        return Err(AwsError::new(
            INVALID,
            format!("A resource can have no more than {MOST_TAGS} tags."),
        ));
    }
    Ok(())
}

/// `MaxRecords`, between 1 and 100.
pub(super) fn most_records(input: Input<'_>, otherwise: usize) -> Result<usize, AwsError> {
    let Some(most) = input.integer("MaxRecords")? else {
        return Ok(otherwise);
    };
    usize::try_from(most)
        .ok()
        .filter(|most| (1..=100).contains(most))
        .ok_or_else(|| {
            input.refuse(format!(
                "The value {most} for parameter MaxRecords must be between 1 and 100."
            ))
        })
}

/// Tokens of listings hold the last key of the page before.
pub(super) fn token(key: &str) -> Value {
    json!(hex::encode(key))
}

/// The key in `NextToken`.
pub(super) fn after_token(input: Input<'_>) -> Result<Option<String>, AwsError> {
    let Some(token) = input.text("NextToken")? else {
        return Ok(None);
    };
    hex::decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Some)
        .ok_or_else(|| AwsError::new("InvalidNextToken", "The value for NextToken is invalid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_every_dialect() {
        let members = json!({
            "json": 1_795_514_400.5, "query": "2026-11-24T10:00:00.500Z", "offset": "2026-11-24T11:00:00.5+01:00",
            "digits": "1795514400.5", "bad": "soon", "list": [],
        });
        let input = Input::new(&members, INVALID);
        for name in ["json", "query", "offset", "digits"] {
            assert_eq!(time(input, name), Ok(Some(1_795_514_400_500)), "{name}");
        }
        assert_eq!(time(input, "absent"), Ok(None));
        for name in ["bad", "list"] {
            assert_eq!(time(input, name).unwrap_err().code, INVALID, "{name}");
        }
    }
}
