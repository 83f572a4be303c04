use serde_json::json;

use super::*;

fn service() -> Arc<Parameters> {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    Parameters::open(
        Arc::new(Store::in_memory().unwrap()),
        account,
        Clock::new(1.0),
    )
    .unwrap()
}

fn put(service: &Parameters, name: &str, value: &str) -> Answer {
    service.call(
        "PutParameter",
        &json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true }),
    )
}

fn code(answer: Answer) -> String {
    answer.unwrap_err().code
}

#[test]
fn keeps_versions() {
    let service = service();
    assert_eq!(put(&service, "/a/b", "one").unwrap()["Version"], 1);
    assert_eq!(put(&service, "/a/b", "two").unwrap()["Version"], 2);
    assert_eq!(service.value("/a/b"), Ok("two".to_owned()));
    assert_eq!(service.value("/a/b:1"), Ok("one".to_owned()));
    assert_eq!(
        service.value("arn:aws:ssm:us-east-1:000000000000:parameter/a/b"),
        Ok("two".to_owned())
    );
    assert_eq!(service.value("/a/c").unwrap_err().code, "ParameterNotFound");
    assert_eq!(
        service.value("/a/b:9").unwrap_err().code,
        "ParameterVersionNotFound"
    );
}

#[test]
fn overwrites_only_when_asked() {
    let service = service();
    let request = json!({ "Name": "a", "Value": "1", "Type": "String" });
    service.call("PutParameter", &request).unwrap();
    assert_eq!(
        code(service.call("PutParameter", &request)),
        "ParameterAlreadyExists"
    );
}

#[test]
fn hides_a_secure_string_unless_it_is_to_be_decrypted() {
    let service = service();
    put(&service, "s", "hunter2").unwrap();
    let hidden = service
        .call("GetParameter", &json!({ "Name": "s" }))
        .unwrap();
    assert_eq!(
        hidden["Parameter"]["Value"],
        "encrypted: ask WithDecryption"
    );
    let shown = service
        .call(
            "GetParameter",
            &json!({ "Name": "s", "WithDecryption": true }),
        )
        .unwrap();
    assert_eq!(shown["Parameter"]["Value"], "hunter2");
}

#[test]
fn names_the_unknown_ones_of_several() {
    let service = service();
    put(&service, "/b", "2").unwrap();
    put(&service, "/a", "1").unwrap();
    let answer = service
        .call(
            "GetParameters",
            &json!({ "Names": ["/b", "/x", "/a"], "WithDecryption": true }),
        )
        .unwrap();
    let names: Vec<&str> = answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["Name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["/a", "/b"]);
    assert_eq!(answer["InvalidParameters"], json!(["/x"]));
}

#[test]
fn pages_through_a_path() {
    let service = service();
    for number in 0..12 {
        put(&service, &format!("/p/{number:02}"), "x").unwrap();
    }
    put(&service, "/p/deep/er", "x").unwrap();
    let first = service
        .call("GetParametersByPath", &json!({ "Path": "/p" }))
        .unwrap();
    assert_eq!(first["Parameters"].as_array().unwrap().len(), 10);
    let second = service
        .call(
            "GetParametersByPath",
            &json!({ "Path": "/p", "NextToken": first["NextToken"] }),
        )
        .unwrap();
    assert_eq!(second["Parameters"].as_array().unwrap().len(), 2);
    assert_eq!(second.get("NextToken"), None);
    let all = service
        .call(
            "GetParametersByPath",
            &json!({ "Path": "/p", "Recursive": true, "NextToken": "10" }),
        )
        .unwrap();
    assert_eq!(all["Parameters"].as_array().unwrap().len(), 3);
}

#[test]
fn shows_no_value_in_debug_output() {
    let version = parameter::Version {
        number: 1,
        value: "hunter2".to_owned(),
        modified_ms: 0,
    };
    assert_eq!(format!("{version:?}"), "Version { number: 1, .. }");
}
