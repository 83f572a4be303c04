//! Whom a role's trust policy lets take on the role. Each member may be one value or a list of them.

use serde_json::Value;

/// What a trust policy says of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Allowed,
    /// If conditions hold that cannot be judged here.
    Conditional,
    NotAllowed,
    Denied,
}

/// Whether `service`, for example `ecs-tasks.amazonaws.com`, may take on the role.
pub(super) fn trust(document: &str, service: &str) -> Result<Trust, String> {
    let policy: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    let mut trust = Trust::NotAllowed;
    for statement in list(&policy["Statement"]) {
        if !concerns(statement, service) {
            continue;
        }
        let is_conditional = statement.get("Condition").is_some();
        match (statement["Effect"].as_str(), is_conditional) {
            (Some("Deny"), false) => return Ok(Trust::Denied),
            (Some("Allow"), false) if trust == Trust::NotAllowed => trust = Trust::Allowed,
            (Some("Deny"), true) => trust = Trust::Conditional,
            (Some("Allow"), true) if trust == Trust::NotAllowed => trust = Trust::Conditional,
            _ => {}
        }
    }
    Ok(trust)
}

fn concerns(statement: &Value, service: &str) -> bool {
    let acts = match statement.get("NotAction") {
        Some(not) => !any(not, "sts:AssumeRole"),
        None => any(&statement["Action"], "sts:AssumeRole"),
    };
    let is_meant = match statement.get("NotPrincipal") {
        Some(not) => !names(not, service),
        None => names(&statement["Principal"], service),
    };
    acts && is_meant
}

fn names(principal: &Value, service: &str) -> bool {
    principal == "*"
        || any(&principal["Service"], service)
        || list(&principal["AWS"]).iter().any(|one| **one == "*")
}

fn any(patterns: &Value, text: &str) -> bool {
    list(patterns)
        .into_iter()
        .filter_map(Value::as_str)
        .any(|pattern| matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase()))
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// `*` stands for any text, `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // The lengths of the beginnings of the text that the pattern so far fits.
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match sign {
                '*' => fits[at] || (at > 0 && next[at - 1]),
                sign => at > 0 && fits[at - 1] && (sign == '?' || sign == text[at - 1]),
            };
        }
        fits = next;
    }
    fits[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_policy() {
        const OURS: &str =
            r#""Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole""#;
        let of = |statement: &str| format!(r#"{{"Statement":{statement}}}"#);
        let table = [
            (
                of(&format!(r#"{{"Effect":"Allow",{OURS}}}"#)),
                Trust::Allowed,
            ),
            (
                of(
                    r#"[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]},"Action":["sts:TagSession","sts:AssumeRole"]}]"#,
                ),
                Trust::Allowed,
            ),
            (
                of(r#"{"Effect":"Allow","Principal":"*","Action":"sts:Assume*"}"#),
                Trust::Allowed,
            ),
            (
                of(r#"{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"*"}"#),
                Trust::Allowed,
            ),
            (
                of(
                    r#"{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}"#,
                ),
                Trust::NotAllowed,
            ),
            (
                of(
                    r#"{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:TagSession"}"#,
                ),
                Trust::NotAllowed,
            ),
            (
                of(&format!(
                    r#"[{{"Effect":"Allow",{OURS}}},{{"Effect":"Deny","Principal":"*","NotAction":"sts:TagSession"}}]"#
                )),
                Trust::Denied,
            ),
            (
                of(&format!(r#"{{"Effect":"Allow",{OURS},"Condition":{{}}}}"#)),
                Trust::Conditional,
            ),
            (of("[]"), Trust::NotAllowed),
        ];
        for (document, expected) in table {
            assert_eq!(
                trust(&document, "ecs-tasks.amazonaws.com"),
                Ok(expected),
                "{document}"
            );
        }
        assert!(trust("{", "x").is_err());
    }
}
