//! Conditions of rules.

use serde_json::{Value, json};

use super::refuse_members;
use crate::elb::model::Condition;
use crate::elb::routing::Block;
use crate::protocol::{AwsError, Input};

const MOST_VALUES: usize = 5;
const LONGEST_VALUE: usize = 128;

/// The `Conditions` of a request: at least one, each kind as often as AWS takes it, five values in all.
pub(super) fn read(input: Input<'_>) -> Result<Vec<Condition>, AwsError> {
    let conditions = input
        .structures("Conditions")?
        .into_iter()
        .map(read_one)
        .collect::<Result<Vec<_>, _>>()?;
    if conditions.is_empty() {
        return Err(input.refuse("A condition must be specified"));
    }
    for (n, condition) in conditions.iter().enumerate() {
        let kind = field(condition);
        let once = !["http-header", "query-string"].contains(&kind);
        if once && conditions[..n].iter().any(|other| field(other) == kind) {
            return Err(input.refuse(format!("A rule can only have one '{kind}' condition")));
        }
    }
    if conditions.iter().map(count).sum::<usize>() > MOST_VALUES {
        return Err(input.refuse(format!(
            "A rule can only have '{MOST_VALUES}' condition values"
        )));
    }
    Ok(conditions)
}

fn read_one(input: Input<'_>) -> Result<Condition, AwsError> {
    refuse_members(input, &["RegexValues"])?;
    let kind = input.required_text("Field")?;
    let values = |config: &str| values(input, config);
    match kind {
        "host-header" => {
            let hosts = values("HostHeaderConfig")?;
            for host in &hosts {
                check_host(input, host)?;
            }
            Ok(Condition::HostHeader(hosts))
        }
        "path-pattern" => {
            let paths = values("PathPatternConfig")?;
            let odd = |path: &&String| {
                !path
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.$/~\"'@:+&*?%=,;!()".contains(&b))
            };
            match paths.iter().find(odd) {
                None => Ok(Condition::PathPattern(paths)),
                Some(path) => Err(input.refuse(format!(
                    "Condition value '{path}' contains a character that is not valid"
                ))),
            }
        }
        "http-request-method" => Ok(Condition::HttpRequestMethod(values(
            "HttpRequestMethodConfig",
        )?)),
        "source-ip" => {
            let blocks = values("SourceIpConfig")?;
            match blocks.iter().find(|text| Block::parse(text).is_none()) {
                None => Ok(Condition::SourceIp(blocks)),
                Some(text) => Err(input.refuse(format!(
                    "Condition value '{text}' is not a valid CIDR block"
                ))),
            }
        }
        "http-header" => {
            let config = config(input, "HttpHeaderConfig")?;
            let name = config.required_text("HttpHeaderName")?;
            if name.parse::<http::HeaderName>().is_err() || name.eq_ignore_ascii_case("host") {
                return Err(input.refuse(format!("The HTTP header name '{name}' is not valid")));
            }
            Ok(Condition::HttpHeader {
                name: name.to_owned(),
                values: checked(input, config.texts("Values")?)?,
            })
        }
        "query-string" => read_query(input),
        other => Err(input.refuse(format!(
            "Condition field '{other}' must be one of '[host-header, http-header, http-request-method, path-pattern, query-string, source-ip]'"
        ))),
    }
}

fn read_query(input: Input<'_>) -> Result<Condition, AwsError> {
    let pairs = config(input, "QueryStringConfig")?
        .structures("Values")?
        .into_iter()
        .map(|pair| {
            let key = pair.text("Key")?.filter(|key| !key.is_empty());
            let texts: Vec<&str> = [key, Some(pair.required_text("Value")?)]
                .into_iter()
                .flatten()
                .collect();
            checked(input, texts)?;
            Ok((
                key.map(str::to_owned),
                pair.required_text("Value")?.to_owned(),
            ))
        })
        .collect::<Result<Vec<_>, AwsError>>()?;
    if pairs.is_empty() {
        return Err(input.refuse("A condition value must be specified"));
    }
    Ok(Condition::QueryString(pairs))
}

/// The values of a condition, in its own structure or in the older `Values`.
fn values(input: Input<'_>, name: &str) -> Result<Vec<String>, AwsError> {
    let values = match input.structure(name)? {
        Some(config) => {
            refuse_members(config, &["RegexValues"])?;
            config.texts("Values")?
        }
        None => input.texts("Values")?,
    };
    checked(input, values)
}

fn config<'a>(input: Input<'a>, name: &str) -> Result<Input<'a>, AwsError> {
    let config = input
        .structure(name)?
        .ok_or_else(|| input.refuse(format!("{name} must be specified")))?;
    Ok(config)
}

fn checked(input: Input<'_>, values: Vec<&str>) -> Result<Vec<String>, AwsError> {
    if values.is_empty() {
        return Err(input.refuse("A condition value must be specified"));
    }
    match values
        .iter()
        .find(|value| value.is_empty() || value.len() > LONGEST_VALUE)
    {
        None => Ok(values.into_iter().map(str::to_owned).collect()),
        Some(value) => Err(input.refuse(format!(
            "Condition value '{value}' must have between 1 and {LONGEST_VALUE} characters"
        ))),
    }
}

fn check_host(input: Input<'_>, host: &str) -> Result<(), AwsError> {
    let characters = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.*?".contains(&byte));
    let ends_in_letters = host.rsplit_once('.').is_some_and(|(_, last)| {
        !last.is_empty()
            && last
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || b"*?".contains(&byte))
    });
    if characters && ends_in_letters {
        return Ok(());
    }
    Err(input.refuse(format!(
        "Condition value '{host}' is not a valid host name: it needs a '.', and only letters after the last one"
    )))
}

fn field(condition: &Condition) -> &'static str {
    match condition {
        Condition::HostHeader(_) => "host-header",
        Condition::PathPattern(_) => "path-pattern",
        Condition::HttpRequestMethod(_) => "http-request-method",
        Condition::HttpHeader { .. } => "http-header",
        Condition::QueryString(_) => "query-string",
        Condition::SourceIp(_) => "source-ip",
    }
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::HostHeader(values)
        | Condition::PathPattern(values)
        | Condition::HttpRequestMethod(values)
        | Condition::HttpHeader { values, .. }
        | Condition::SourceIp(values) => values.len(),
        Condition::QueryString(pairs) => pairs.len(),
    }
}

pub(super) fn render(condition: &Condition) -> Value {
    let field = field(condition);
    match condition {
        Condition::HostHeader(values) => {
            json!({ "Field": field, "Values": values, "HostHeaderConfig": { "Values": values } })
        }
        Condition::PathPattern(values) => {
            json!({ "Field": field, "Values": values, "PathPatternConfig": { "Values": values } })
        }
        Condition::HttpRequestMethod(values) => {
            json!({ "Field": field, "HttpRequestMethodConfig": { "Values": values } })
        }
        Condition::HttpHeader { name, values } => json!({
            "Field": field,
            "HttpHeaderConfig": { "HttpHeaderName": name, "Values": values },
        }),
        Condition::QueryString(pairs) => {
            let pairs: Vec<Value> = pairs
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect();
            json!({ "Field": field, "QueryStringConfig": { "Values": pairs } })
        }
        Condition::SourceIp(values) => {
            json!({ "Field": field, "SourceIpConfig": { "Values": values } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(conditions: Value) -> Result<Vec<Value>, AwsError> {
        let request = json!({ "Conditions": conditions });
        read(Input::new(&request, "ValidationError"))
            .map(|conditions| conditions.iter().map(render).collect())
    }

    #[test]
    fn reads_what_it_renders() {
        let conditions = json!([
            { "Field": "host-header", "Values": ["*.ludlow.io"], "HostHeaderConfig": { "Values": ["*.ludlow.io"] } },
            { "Field": "path-pattern", "Values": ["/a/*"], "PathPatternConfig": { "Values": ["/a/*"] } },
            { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-A", "Values": ["b"] } },
            { "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "k", "Value": "v" }] } },
            { "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } },
        ]);
        assert_eq!(parse(conditions.clone()).map(Value::from), Ok(conditions));
    }

    #[test]
    fn refuses_bad_conditions() {
        let check = |conditions: Value, message: &str| {
            assert_eq!(
                parse(conditions),
                Err(AwsError::new("ValidationError", message))
            );
        };
        check(json!([]), "A condition must be specified");
        check(
            json!([{ "Field": "host-header", "Values": ["localhost"] }]),
            "Condition value 'localhost' is not a valid host name: it needs a '.', and only letters after the last one",
        );
        check(
            json!([{ "Field": "path-pattern", "Values": ["/a", "/b", "/c", "/d", "/e", "/f"] }]),
            "A rule can only have '5' condition values",
        );
        check(
            json!([{ "Field": "path-pattern", "Values": ["/a b"] }]),
            "Condition value '/a b' contains a character that is not valid",
        );
        check(
            json!([
                { "Field": "path-pattern", "Values": ["/a"] },
                { "Field": "path-pattern", "Values": ["/b"] },
            ]),
            "A rule can only have one 'path-pattern' condition",
        );
        check(
            json!([{ "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0"] } }]),
            "Condition value '10.0.0.0' is not a valid CIDR block",
        );
        check(
            json!([{ "Field": "cookie", "Values": ["a"] }]),
            "Condition field 'cookie' must be one of '[host-header, http-header, http-request-method, path-pattern, query-string, source-ip]'",
        );
    }
}
