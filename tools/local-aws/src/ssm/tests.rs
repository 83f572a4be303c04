use serde_json::json;

use super::*;

fn parameters() -> Arc<Parameters> {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let store = Arc::new(Store::in_memory().unwrap());
    Parameters::open(store, account, Clock::new(1.0)).unwrap()
}

fn put(parameters: &Parameters, name: &str, kind: &str, value: &str) -> i64 {
    let answer = parameters
        .call(
            "PutParameter",
            &json!({ "Name": name, "Type": kind, "Value": value, "Overwrite": true }),
        )
        .unwrap();
    answer["Version"].as_i64().unwrap()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["Name"].as_str().unwrap())
        .collect()
}

#[test]
fn keeps_versions() {
    let ssm = parameters();
    assert_eq!(put(&ssm, "/a/b", "String", "one"), 1);
    assert_eq!(put(&ssm, "/a/b", "String", "two"), 2);
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/a/b";
    for (reference, value) in [
        ("/a/b", "two"),
        ("/a/b:1", "one"),
        (arn, "two"),
        (&format!("{arn}:1"), "one"),
    ] {
        assert_eq!(ssm.value(reference), Ok(value.to_owned()), "{reference}");
    }
    assert_eq!(
        ssm.value("/a/b:3"),
        Err(AwsError::new(
            "ParameterVersionNotFound",
            "Systems Manager could not find version 3 of /a/b. Verify the version and try again."
        ))
    );
    assert_eq!(
        ssm.value("/a"),
        Err(AwsError::new(
            "ParameterNotFound",
            "Parameter /a not found."
        ))
    );
    let old = ssm
        .call("GetParameter", &json!({ "Name": "/a/b:1" }))
        .unwrap();
    assert_eq!(old["Parameter"]["Selector"], ":1");
    assert_eq!(old["Parameter"]["Name"], "/a/b");
    assert_eq!(old["Parameter"]["ARN"], arn);
}

#[test]
fn survives_a_restart() {
    let first = parameters();
    put(&first, "plain", "SecureString", "x");
    let again =
        Parameters::open(Arc::clone(&first.store), first.account.clone(), first.clock).unwrap();
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/plain";
    assert_eq!(again.value(arn), Ok("x".to_owned()));
}

#[test]
fn overwrites_only_when_told_to() {
    let ssm = parameters();
    put(&ssm, "a", "String", "1");
    let again = json!({ "Name": "a", "Type": "String", "Value": "2" });
    assert_eq!(
        ssm.call("PutParameter", &again).unwrap_err().code,
        "ParameterAlreadyExists"
    );
    let other = json!({ "Name": "a", "Type": "SecureString", "Value": "2", "Overwrite": true });
    assert_eq!(
        ssm.call("PutParameter", &other).unwrap_err().code,
        "HierarchyTypeMismatchException"
    );
    assert_eq!(ssm.value("a"), Ok("1".to_owned()));
}

#[test]
fn bounds_values_by_tier() {
    let ssm = parameters();
    let put = |value: String, tier: &str| {
        let input = json!({ "Name": "a", "Type": "String", "Value": value, "Tier": tier, "Overwrite": true });
        ssm.call("PutParameter", &input)
            .map(|answer| answer["Tier"].clone())
    };
    assert_eq!(put("x".repeat(4096), "Standard"), Ok("Standard".into()));
    assert!(
        put("x".repeat(4097), "Standard")
            .unwrap_err()
            .message
            .starts_with("Standard tier parameters")
    );
    assert_eq!(
        put("x".repeat(4097), "Intelligent-Tiering"),
        Ok("Advanced".into())
    );
    assert!(
        put("x".repeat(8193), "Advanced")
            .unwrap_err()
            .message
            .starts_with("Advanced tier parameters")
    );
    assert!(
        put(String::new(), "Advanced")
            .unwrap_err()
            .message
            .starts_with("1 validation error")
    );
}

#[test]
fn hides_secure_values_unless_asked() {
    let ssm = parameters();
    put(&ssm, "a", "SecureString", "hunter2");
    let value = |decrypted: bool| {
        let input = json!({ "Name": "a", "WithDecryption": decrypted });
        ssm.call("GetParameter", &input).unwrap()["Parameter"]["Value"].clone()
    };
    assert_eq!(value(true), "hunter2");
    assert_eq!(value(false), BASE64_OF_PLACEHOLDER);
    let described = ssm.call("DescribeParameters", &json!({})).unwrap();
    assert!(!described.to_string().contains("hunter2"));
    assert!(!format!("{:?}", ssm.parameters()).contains("hunter2"));
}

const BASE64_OF_PLACEHOLDER: &str = "YSBTZWN1cmVTdHJpbmc7IGFzayBmb3IgaXQgd2l0aCBkZWNyeXB0aW9u";

#[test]
fn lists_by_path_in_pages_of_ten() {
    let ssm = parameters();
    for number in 0..12 {
        put(&ssm, &format!("/app/{number:02}"), "String", "x");
    }
    put(&ssm, "/app/deep/er", "String", "x");
    put(&ssm, "/apple", "String", "x");
    let first = ssm
        .call("GetParametersByPath", &json!({ "Path": "/app" }))
        .unwrap();
    assert_eq!(names(&first).len(), 10);
    let rest = ssm
        .call(
            "GetParametersByPath",
            &json!({ "Path": "/app/", "NextToken": first["NextToken"] }),
        )
        .unwrap();
    assert_eq!(names(&rest), ["/app/10", "/app/11"]);
    assert_eq!(rest.get("NextToken"), None);
    let deep = ssm
        .call(
            "GetParametersByPath",
            &json!({ "Path": "/app", "Recursive": true, "NextToken": first["NextToken"] }),
        )
        .unwrap();
    assert_eq!(names(&deep), ["/app/10", "/app/11", "/app/deep/er"]);
    let eleven = json!({ "Path": "/app", "MaxResults": 11 });
    assert_eq!(
        ssm.call("GetParametersByPath", &eleven).unwrap_err().code,
        "ValidationException"
    );
}

#[test]
fn tells_known_names_from_unknown_ones() {
    let ssm = parameters();
    put(&ssm, "b", "String", "2");
    put(&ssm, "a", "String", "1");
    let found = ssm
        .call("GetParameters", &json!({ "Names": ["b", "zz", "a"] }))
        .unwrap();
    assert_eq!(names(&found), ["a", "b"]);
    assert_eq!(found["InvalidParameters"], json!(["zz"]));
    let deleted = ssm
        .call("DeleteParameters", &json!({ "Names": ["b", "zz"] }))
        .unwrap();
    assert_eq!(
        deleted,
        json!({ "DeletedParameters": ["b"], "InvalidParameters": ["zz"] })
    );
    assert_eq!(
        ssm.call("DeleteParameter", &json!({ "Name": "b" }))
            .unwrap_err()
            .code,
        "ParameterNotFound"
    );
}

#[test]
fn filters_descriptions() {
    let ssm = parameters();
    put(&ssm, "/a/x", "String", "1");
    put(&ssm, "/a/y/z", "SecureString", "1");
    put(&ssm, "/b", "String", "1");
    let tag = json!({ "ResourceType": "Parameter", "ResourceId": "/b", "Tags": [{ "Key": "k", "Value": "v" }] });
    ssm.call("AddTagsToResource", &tag).unwrap();
    let check = |filter: Value, expected: &[&str]| {
        let input = json!({ "ParameterFilters": [filter] });
        let found = ssm.call("DescribeParameters", &input).unwrap();
        assert_eq!(names(&found), expected, "{input}");
    };
    check(
        json!({ "Key": "Name", "Option": "BeginsWith", "Values": ["/a"] }),
        &["/a/x", "/a/y/z"],
    );
    check(
        json!({ "Key": "Name", "Option": "Contains", "Values": ["y"] }),
        &["/a/y/z"],
    );
    check(
        json!({ "Key": "Type", "Values": ["SecureString"] }),
        &["/a/y/z"],
    );
    check(json!({ "Key": "Path", "Values": ["/a"] }), &["/a/x"]);
    check(
        json!({ "Key": "Path", "Option": "Recursive", "Values": ["/a"] }),
        &["/a/x", "/a/y/z"],
    );
    check(json!({ "Key": "tag:k", "Values": ["v"] }), &["/b"]);
    let unknown = json!({ "ParameterFilters": [{ "Key": "Label", "Values": ["x"] }] });
    assert_eq!(
        ssm.call("DescribeParameters", &unknown).unwrap_err().code,
        "InvalidFilterKey"
    );
}

#[test]
fn refuses_names_that_parameter_store_refuses() {
    let ssm = parameters();
    for name in ["aws/x", "/ssm-x", "a/b", "/a//b", "/a/", "a b", "a:b"] {
        let input = json!({ "Name": name, "Type": "String", "Value": "x" });
        let error = ssm.call("PutParameter", &input).unwrap_err();
        assert_eq!(error.code, "ValidationException", "{name}");
    }
    let deep = json!({ "Name": "/a".repeat(16), "Type": "String", "Value": "x" });
    assert_eq!(
        ssm.call("PutParameter", &deep).unwrap_err().code,
        "HierarchyLevelLimitExceededException"
    );
}

#[test]
fn checks_the_allowed_pattern_without_repeating_the_value() {
    let ssm = parameters();
    let input =
        json!({ "Name": "a", "Type": "String", "Value": "hunter2", "AllowedPattern": "\\d+" });
    assert_eq!(
        ssm.call("PutParameter", &input),
        Err(AwsError::new(
            "ParameterPatternMismatchException",
            "Parameter value, cannot be validated against allowedPattern: \\d+"
        ))
    );
}
