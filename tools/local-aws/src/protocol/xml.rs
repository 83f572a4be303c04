//! The query dialect's answers: XML in the shape that AWS's query services give it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::{AwsError, as_map, as_timestamp};

/// `<ACTIONResponse xmlns="NAMESPACE"><ACTIONResult>…</ACTIONResult><ResponseMetadata>…`.
///
/// Objects become elements by member name, arrays `<member>` elements, maps `<entry>` elements with `<key>` and
/// `<value>`, timestamps ISO 8601; null members are left out. A null `answer` has no result element at all, as operations without an output have it.
/// `action` must be the name of an operation that was found: it becomes the name of elements.
#[must_use]
pub fn render(namespace: &str, action: &str, answer: &Value, request_id: &str) -> String {
    let mut xml = Xml::new("member");
    xml.open_with_namespace(&format!("{action}Response"), namespace);
    if !answer.is_null() {
        xml.value(&format!("{action}Result"), answer);
    }
    xml.open("ResponseMetadata");
    xml.element("RequestId", request_id);
    xml.close("ResponseMetadata");
    xml.close(&format!("{action}Response"));
    xml.text
}

/// `<ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse>`.
#[must_use]
pub fn render_error(namespace: &str, error: &AwsError, request_id: &str) -> String {
    let mut xml = Xml::new("member");
    xml.open_with_namespace("ErrorResponse", namespace);
    xml.open("Error");
    xml.element(
        "Type",
        if error.status < 500 {
            "Sender"
        } else {
            "Receiver"
        },
    );
    xml.element("Code", &error.code);
    xml.element("Message", &error.message);
    xml.close("Error");
    xml.element("RequestId", request_id);
    xml.close("ErrorResponse");
    xml.text
}

pub(super) struct Xml {
    pub(super) text: String,
    /// The element of a list's item.
    item: &'static str,
}

impl Xml {
    pub(super) fn new(item: &'static str) -> Self {
        Self {
            item,
            text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(),
        }
    }

    pub(super) fn open(&mut self, name: &str) {
        self.markup(format_args!("<{name}>"));
    }

    pub(super) fn open_with_namespace(&mut self, name: &str, namespace: &str) {
        self.markup(format_args!("<{name} xmlns=\"{namespace}\">"));
    }

    pub(super) fn close(&mut self, name: &str) {
        self.markup(format_args!("</{name}>"));
    }

    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.characters(text);
        self.close(name);
    }

    fn markup(&mut self, markup: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(markup)
            .expect("a string takes any text");
    }

    pub(super) fn value(&mut self, name: &str, value: &Value) {
        if value.is_null() {
            return;
        }
        self.open(name);
        if let Some(milliseconds) = as_timestamp(value) {
            self.characters(&iso_8601(milliseconds));
        } else if let Some(entries) = as_map(value) {
            for (key, value) in entries {
                self.open("entry");
                self.element("key", key);
                self.value("value", value);
                self.close("entry");
            }
        } else {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        self.value(name, member);
                    }
                }
                Value::Array(items) => {
                    for item in items {
                        self.value(self.item, item);
                    }
                }
                Value::String(text) => self.characters(text),
                plain => self.markup(format_args!("{plain}")),
            }
        }
        self.close(name);
    }

    /// Character data: what XML reserves is escaped, what XML 1.0 cannot hold at all is dropped.
    fn characters(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // A parser would turn a bare carriage return into a line feed.
                '\r' => self.text.push_str("&#13;"),
                '\t' | '\n' => self.text.push(character),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
                _ => self.text.push(character),
            }
        }
    }
}

/// `2026-11-24T11:24:34.123Z`; a time that no calendar holds becomes the epoch.
fn iso_8601(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::timestamp;

    #[test]
    fn renders_an_answer() {
        let answer = json!({
            "Things": [
                { "Name": "a<b>&\"c\"\r\u{0}\u{8}", "Size": 3, "Ratio": 0.5, "On": true, "Gone": null },
                "plain",
            ],
            "None": [],
            "Made": timestamp(1_763_983_474_120),
        });
        assert_eq!(
            render("http://x/", "Do", &answer, "id-1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DoResponse xmlns=\"http://x/\"><DoResult><Things>\
             <member><Name>a&lt;b&gt;&amp;&quot;c&quot;&#13;</Name><Size>3</Size><Ratio>0.5</Ratio><On>true</On></member>\
             <member>plain</member></Things><None></None><Made>2025-11-24T11:24:34.120Z</Made></DoResult>\
             <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DoResponse>"
        );
    }

    #[test]
    fn renders_the_keys_of_maps_as_data() {
        let entries = json!({ "TM(1%:2)": 1.5, "<": null });
        let answer = json!({ "Map": crate::protocol::map(entries.as_object().unwrap().clone()) });
        assert_eq!(
            render("n", "Do", &answer, "1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DoResponse xmlns=\"n\"><DoResult><Map><entry><key>TM(1%:2)</key><value>1.5</value></entry>\
             <entry><key>&lt;</key></entry></Map></DoResult>\
             <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DoResponse>"
        );
    }

    #[test]
    fn renders_an_operation_without_output() {
        assert_eq!(
            render("n", "Do", &Value::Null, "1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <DoResponse xmlns=\"n\"><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DoResponse>"
        );
    }

    #[test]
    fn renders_errors_of_both_sides() {
        let sender = AwsError::new("RuleNotFound", "One or more rules not found");
        assert_eq!(
            render_error("n", &sender, "1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ErrorResponse xmlns=\"n\"><Error><Type>Sender</Type><Code>RuleNotFound</Code>\
             <Message>One or more rules not found</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        let receiver = AwsError::internal("disk full");
        assert!(
            render_error("n", &receiver, "1")
                .contains("<Type>Receiver</Type><Code>InternalFailure</Code>")
        );
    }
}
