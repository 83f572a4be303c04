//! TeamCity: service messages that set `env.NAME` for the later steps of a build. The messages stand in the log
//! as they are, so a secret is refused: TeamCity hides only what its own configuration declares as a password.

use toolkit::ci::teamcity_escaped;

use super::{Refusal, Text, Value, accepted, room, unfit};

/// The messages, one a line, in the order of the values.
pub(crate) fn encode(values: &[Value<'_>]) -> Result<Text, Refusal> {
    let values = accepted("a TeamCity service message", values, mistake)?;
    let mut text = room(values);
    for value in values {
        text.push_str("##teamcity[setParameter name='env.");
        text.push_str(value.name);
        text.push_str("' value='");
        // A percent sign begins a reference to another parameter, unless it is doubled.
        text.push_str(&teamcity_escaped(&value.text.replace('%', "%%")));
        text.push_str("']\n");
    }
    Ok(text)
}

fn mistake(value: &Value<'_>) -> Option<&'static str> {
    if let Some(unfit) = unfit(value) {
        Some(unfit)
    } else if value.secret {
        Some(
            "it is secret and would be read in the log; declare env.NAME as a parameter of type password in the build configuration, or leave secrets out with --without-secrets",
        )
    } else if value
        .text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        Some("its value has a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::encoded;
    use super::*;

    #[test]
    fn escapes_values() {
        assert_eq!(
            encoded(encode, &[("A", "it's [100%] |\nü😀")]),
            Ok("##teamcity[setParameter name='env.A' value='it|'s |[100%%|] |||n|0x00fc|0xd83d|0xde00']\n".to_owned())
        );
    }

    #[test]
    fn refuses_secrets_and_control_characters() {
        let secret = Value {
            name: "KEY",
            text: "hunter2",
            secret: true,
        };
        let refusal = encode(&[secret]).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "a TeamCity service message cannot hold KEY (it is secret and would be read in the log; declare env.NAME as a parameter of type password in the build configuration, or leave secrets out with --without-secrets)"
        );
        assert_eq!(
            encoded(encode, &[("A", "\u{1b}[0m")]),
            Err(
                "a TeamCity service message cannot hold A (its value has a control character)"
                    .to_owned()
            )
        );
    }
}
