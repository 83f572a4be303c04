//! S3's documents, which are of no dialect: roots of their own, and lists without an element around them.

use serde_json::Value;

use super::AwsError;
use super::xml::Xml;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// `<Error>` at the root.
#[must_use]
pub fn error(error: &AwsError, request_id: &str) -> String {
    let mut xml = Xml::new("member");
    xml.open("Error");
    xml.element("Code", &error.code);
    xml.element("Message", &error.message);
    xml.element("RequestId", request_id);
    xml.close("Error");
    xml.text
}

/// `<ROOT xmlns="…">` with these elements; a list's items stand side by side under its name.
#[must_use]
pub fn document(root: &str, elements: &[(&str, Value)]) -> String {
    let mut xml = Xml::new("member");
    xml.open_with_namespace(root, NAMESPACE);
    for (name, value) in elements {
        match value {
            Value::Array(items) => items.iter().for_each(|item| xml.value(name, item)),
            one => xml.value(name, one),
        }
    }
    xml.close(root);
    xml.text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_lists_without_an_element_around_them() {
        let text = document(
            "ListBucketResult",
            &[
                ("Name", json!("b")),
                ("Contents", json!([{ "Key": "a&b" }, { "Key": "c" }])),
            ],
        );
        assert!(text.ends_with(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>\
             <Contents><Key>a&amp;b</Key></Contents><Contents><Key>c</Key></Contents></ListBucketResult>"
        ));
        assert!(error(&AwsError::new("NoSuchKey", "no"), "1").ends_with(
            "<Error><Code>NoSuchKey</Code><Message>no</Message><RequestId>1</RequestId></Error>"
        ));
    }
}
