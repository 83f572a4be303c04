//! The query dialect's requests: form bodies whose dotted keys spell a structure.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::AwsError;

/// More parameters than any request of ours needs (SetRulePriorities of 100 rules has 200).
const MAXIMUM_PARAMETERS: usize = 20_000;
/// The deepest shape (an action's forward configuration in a rule) has 7 segments.
const MAXIMUM_DEPTH: usize = 16;

/// Reads a form body: the value of `Action`, and the members with AWS's own names. All scalars are strings.
///
/// `A.member.1.B=x` becomes `{"A":[{"B":"x"}]}`, `A.entry.1.key=k&A.entry.1.value=v` becomes
/// `{"A":{"k":"v"}}`. Lists are in the order of their numbers, which may have gaps. `Version` is dropped.
pub fn parse(body: &[u8]) -> Result<(String, Value), AwsError> {
    parse_with(body, gather)
}

/// Reads a form body, and turns each member's tree into what it stands for.
pub(super) fn parse_with(
    body: &[u8],
    gather: fn(Value) -> Result<Value, AwsError>,
) -> Result<(String, Value), AwsError> {
    let mut action = None;
    let mut members = Map::new();
    for (count, (key, value)) in form_urlencoded::parse(body).enumerate() {
        if count == MAXIMUM_PARAMETERS {
            return Err(malformed(format!(
                "the request has more than {MAXIMUM_PARAMETERS} parameters"
            )));
        }
        match key.as_ref() {
            "Action" => action = Some(value.into_owned()),
            "Version" => {}
            _ => insert(&mut members, &key, value)?,
        }
    }
    let action = action
        .filter(|action| !action.is_empty())
        .ok_or_else(|| AwsError::new("MissingAction", "The request must contain an Action."))?;
    let members = members
        .into_iter()
        .map(|(name, member)| Ok((name, gather(member)?)))
        .collect::<Result<Map<_, _>, AwsError>>()?;
    Ok((action, Value::Object(members)))
}

/// Puts a value at the place that `key` spells in a tree of objects.
fn insert(
    members: &mut Map<String, Value>,
    key: &str,
    value: Cow<'_, str>,
) -> Result<(), AwsError> {
    let mut segments = key.split('.').peekable();
    let mut place = members;
    let mut depth = 0;
    while let Some(segment) = segments.next() {
        depth += 1;
        if segment.is_empty() || depth > MAXIMUM_DEPTH {
            return Err(malformed(format!(
                "the parameter name '{key}' is empty in part or too deep"
            )));
        }
        if segments.peek().is_none() {
            return match place.insert(segment.to_owned(), Value::String(value.into_owned())) {
                None => Ok(()),
                Some(_) => Err(malformed(format!("the parameter '{key}' is given twice"))),
            };
        }
        place = place
            .entry(segment)
            .or_insert_with(|| Value::Object(Map::new()))
            .as_object_mut()
            .ok_or_else(|| {
                malformed(format!(
                    "the parameter '{key}' is given both a value and members"
                ))
            })?;
    }
    Err(malformed("a parameter has no name"))
}

/// Turns the objects that stand for lists and maps into what they stand for.
fn gather(value: Value) -> Result<Value, AwsError> {
    let Value::Object(mut members) = value else {
        return Ok(value);
    };
    if members.len() == 1 {
        if let Some(Value::Object(items)) = members.get_mut("member") {
            return numbered(std::mem::take(items), gather).map(Value::Array);
        }
        if let Some(Value::Object(entries)) = members.get_mut("entry") {
            return numbered(std::mem::take(entries), gather)?
                .into_iter()
                .map(entry)
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object);
        }
    }
    members
        .into_iter()
        .map(|(name, member)| Ok((name, gather(member)?)))
        .collect::<Result<Map<_, _>, AwsError>>()
        .map(Value::Object)
}

/// The items of a list by their numbers, each gathered in its turn.
pub(super) fn numbered(
    items: Map<String, Value>,
    gather: fn(Value) -> Result<Value, AwsError>,
) -> Result<Vec<Value>, AwsError> {
    let mut numbered = items
        .into_iter()
        .map(|(number, item)| match number.parse::<u32>() {
            Ok(position) if position > 0 => Ok((position, gather(item)?)),
            _ => Err(malformed(format!(
                "'{number}' is not the number of a list's member"
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    numbered.sort_by_key(|(position, _)| *position);
    Ok(numbered.into_iter().map(|(_, item)| item).collect())
}

fn entry(entry: Value) -> Result<(String, Value), AwsError> {
    let Value::Object(mut parts) = entry else {
        return Err(malformed("a map's entry must have a key and a value"));
    };
    match (parts.remove("key"), parts.remove("value")) {
        (Some(Value::String(key)), Some(value)) => Ok((key, value)),
        _ => Err(malformed("a map's entry must have a key and a value")),
    }
}

pub(super) fn malformed(message: impl Into<String>) -> AwsError {
    AwsError::new("MalformedQueryString", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spells_structures_lists_and_maps() {
        let body = b"Action=Do&Version=2015-12-01&Name=a%20b%2Bc+d&List.member.2=y&List.member.10=z&List.member.1=x\
            &Nested.member.1.A.B=1&Nested.member.1.C.member.1=2&Map.entry.1.key=k&Map.entry.1.value=v&Empty=";
        assert_eq!(
            parse(body),
            Ok((
                "Do".to_owned(),
                json!({
                    "Name": "a b+c d",
                    "List": ["x", "y", "z"],
                    "Nested": [{ "A": { "B": "1" }, "C": ["2"] }],
                    "Map": { "k": "v" },
                    "Empty": "",
                })
            ))
        );
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let check = |body: &str, message: &str| {
            assert_eq!(
                parse(body.as_bytes()),
                Err(AwsError::new("MalformedQueryString", message)),
                "{body}"
            );
        };
        check("Action=A&B=1&B=2", "the parameter 'B' is given twice");
        check(
            "Action=A&B=1&B.C=2",
            "the parameter 'B.C' is given both a value and members",
        );
        check("Action=A&B.C=1&B=2", "the parameter 'B' is given twice");
        check(
            "Action=A&B.member.x=1",
            "'x' is not the number of a list's member",
        );
        check(
            "Action=A&B.member.0=1",
            "'0' is not the number of a list's member",
        );
        check(
            "Action=A&B.entry.1.key=1",
            "a map's entry must have a key and a value",
        );
        check(
            "Action=A&B..C=1",
            "the parameter name 'B..C' is empty in part or too deep",
        );
    }

    #[test]
    fn refuses_a_request_without_an_action() {
        assert_eq!(
            parse(b"Name=a&Action="),
            Err(AwsError::new(
                "MissingAction",
                "The request must contain an Action."
            ))
        );
    }

    #[test]
    fn bounds_depth_and_number() {
        let deep = format!("Action=A&{}=1", ["A"; 100_000].join("."));
        assert_eq!(
            parse(deep.as_bytes()).map_err(|error| error.code),
            Err("MalformedQueryString".to_owned())
        );
        let many: String = (0..=MAXIMUM_PARAMETERS)
            .map(|n| format!("P{n}=1&"))
            .collect();
        assert_eq!(
            parse(many.as_bytes()),
            Err(AwsError::new(
                "MalformedQueryString",
                "the request has more than 20000 parameters"
            ))
        );
    }

    #[test]
    fn never_allocates_by_a_number_that_the_client_chose() {
        assert_eq!(
            parse(b"Action=A&L.member.4294967295=x"),
            Ok(("A".to_owned(), json!({ "L": ["x"] })))
        );
    }
}
