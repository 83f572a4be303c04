//! The EC2 dialect: query with lists of its own, `Filter.1.Name=x` in and `<item>` elements out.

use serde_json::{Map, Value};

use super::AwsError;
use super::query::{numbered, parse_with};
use super::xml::Xml;

/// Reads a form body: the value of `Action`, and the members by their names on the wire. All scalars are strings.
///
/// `A.1.B=x` becomes `{"A":[{"B":"x"}]}`. Lists are in the order of their numbers, which may have gaps.
pub fn parse(body: &[u8]) -> Result<(String, Value), AwsError> {
    parse_with(body, gather)
}

/// An object whose members are all numbers stands for a list.
fn gather(value: Value) -> Result<Value, AwsError> {
    let Value::Object(members) = value else {
        return Ok(value);
    };
    let is_list = !members.is_empty()
        && members
            .keys()
            .all(|name| name.bytes().all(|digit| digit.is_ascii_digit()));
    if is_list {
        return numbered(members, gather).map(Value::Array);
    }
    members
        .into_iter()
        .map(|(name, member)| Ok((name, gather(member)?)))
        .collect::<Result<Map<_, _>, AwsError>>()
        .map(Value::Object)
}

/// `<ACTIONResponse xmlns="NAMESPACE"><requestId>…</requestId>` and the answer's members, by their names on the wire.
/// `action` must be the name of an operation that was found: it becomes the name of elements.
#[must_use]
pub fn render(namespace: &str, action: &str, answer: &Value, request_id: &str) -> String {
    let mut xml = Xml::new("item");
    let root = format!("{action}Response");
    xml.open_with_namespace(&root, namespace);
    xml.element("requestId", request_id);
    for (name, member) in answer.as_object().into_iter().flatten() {
        xml.value(name, member);
    }
    xml.close(&root);
    xml.text
}

/// `<Response><Errors><Error><Code/><Message/></Error></Errors><RequestID/></Response>`.
#[must_use]
pub fn render_error(error: &AwsError, request_id: &str) -> String {
    let mut xml = Xml::new("item");
    xml.open("Response");
    xml.open("Errors");
    xml.open("Error");
    xml.element("Code", &error.code);
    xml.element("Message", &error.message);
    xml.close("Error");
    xml.close("Errors");
    xml.element("RequestID", request_id);
    xml.close("Response");
    xml.text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_lists_by_number() {
        let body =
            b"Action=Do&Version=1&VpcId.2=b&VpcId.1=a&Filter.1.Name=n&Filter.1.Value.1=v&One=1";
        assert_eq!(
            parse(body),
            Ok((
                "Do".to_owned(),
                json!({
                    "VpcId": ["a", "b"], "Filter": [{ "Name": "n", "Value": ["v"] }], "One": "1",
                })
            ))
        );
        assert_eq!(
            parse(b"Action=Do&A.0=x").unwrap_err().code,
            "MalformedQueryString"
        );
    }

    #[test]
    fn renders_items_and_errors() {
        let answer = json!({ "aSet": [{ "b": "<" }], "c": true, "gone": null });
        assert_eq!(
            render("n", "Do", &answer, "1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DoResponse xmlns=\"n\"><requestId>1</requestId><aSet><item><b>&lt;</b></item></aSet><c>true</c></DoResponse>"
        );
        assert_eq!(
            render_error(&AwsError::new("Code", "text"), "1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Response><Errors><Error><Code>Code</Code><Message>text</Message></Error></Errors><RequestID>1</RequestID></Response>"
        );
    }
}
