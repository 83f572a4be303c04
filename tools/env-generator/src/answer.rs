//! The value that is meant, out of what AWS answers.

use anyhow::Context as _;
use aws_sdk_ssm::types::Parameter;
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::secret_text::SecretText;

pub(crate) fn text_of(text: Option<String>, arn: &str) -> anyhow::Result<SecretText> {
    text.map(SecretText::new)
        .with_context(|| format!("the secret {arn} is binary; ECS passes on text only"))
}

/// The whole text of a secret, or one member of the JSON object that it is.
pub(crate) fn part(
    text: &SecretText,
    arn: &str,
    json_key: Option<&str>,
) -> anyhow::Result<SecretText> {
    match json_key {
        None => Ok(text.clone()),
        Some(key) => member(text.expose(), key)
            .map(SecretText::new)
            .with_context(|| {
                format!("the secret {arn} is no JSON object with a text or number \"{key}\"")
            }),
    }
}

/// An answer names the parameter without the version or label that was asked for, and states those beside it.
/// None if the parameter that is asked for is not among them.
pub(crate) fn parameter_value(parameters: &[Parameter], id: &str) -> Option<SecretText> {
    let is_asked_for = |parameter: &&Parameter| {
        let version = format!(":{}", parameter.version());
        let selectors = ["", &version, parameter.selector().unwrap_or_default()];
        [parameter.name(), parameter.arn()]
            .into_iter()
            .flatten()
            .filter_map(|known| id.strip_prefix(known))
            .any(|rest| selectors.contains(&rest))
    };
    parameters
        .iter()
        .filter(is_asked_for)
        // Without a version, the current one is meant, though an older one may have been asked for beside it.
        .max_by_key(|parameter| parameter.version())
        .and_then(Parameter::value)
        .map(|value| SecretText::new(value.to_owned()))
}

/// A member of a JSON object, in the form that ECS gives it to the container.
fn member(text: &str, key: &str) -> Option<String> {
    let mut whole = serde_json::from_str::<Value>(text).ok()?;
    let member = match whole.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(flag)) => Some(flag.to_string()),
        _ => None,
    };
    wipe(&mut whole);
    member
}

/// The texts in a value, which may all be secret.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_versions_of_a_parameter_apart() {
        let parameter = |version: i64, selector: Option<&str>, value: &str| {
            Parameter::builder()
                .name("/a")
                .arn("arn:aws:ssm:us-east-1:1:parameter/a")
                .version(version)
                .set_selector(selector.map(str::to_owned))
                .value(value)
                .build()
        };
        let parameters = [
            parameter(2, Some(":blue"), "two"),
            parameter(3, None, "three"),
        ];
        let value = |id| parameter_value(&parameters, id).map(|value| value.expose().to_owned());
        for (id, expected) in [
            ("/a", "three"),
            ("/a:3", "three"),
            ("/a:blue", "two"),
            ("arn:aws:ssm:us-east-1:1:parameter/a:2", "two"),
        ] {
            assert_eq!(value(id).as_deref(), Some(expected), "{id}");
        }
        assert_eq!(value("/b"), None);
    }

    #[test]
    fn takes_scalar_members_only() {
        let text = r#"{"user":"u","port":5432,"tls":true,"more":{}}"#;
        assert_eq!(member(text, "user").as_deref(), Some("u"));
        assert_eq!(member(text, "port").as_deref(), Some("5432"));
        assert_eq!(member(text, "tls").as_deref(), Some("true"));
        assert_eq!(member(text, "more"), None);
        assert_eq!(member(text, "none"), None);
        assert_eq!(member("hunter2", "user"), None);
    }
}
