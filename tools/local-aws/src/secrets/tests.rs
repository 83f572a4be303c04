use serde_json::json;

use super::*;

fn secrets() -> Arc<Secrets> {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let store = Arc::new(Store::in_memory().unwrap());
    Secrets::open(store, account, Clock::new(1.0)).unwrap()
}

fn create(secrets: &Secrets, name: &str, value: &str) -> String {
    let input = json!({ "Name": name, "SecretString": value });
    let answer = secrets.call("CreateSecret", &input).unwrap();
    answer["ARN"].as_str().unwrap().to_owned()
}

fn code(answer: Answer) -> String {
    answer.unwrap_err().code
}

#[test]
fn moves_stages_with_each_new_value() {
    let secrets = secrets();
    let arn = create(&secrets, "db", "one");
    let staged = |stage: &str| {
        let input = json!({ "SecretId": "db", "VersionStage": stage });
        secrets
            .call("GetSecretValue", &input)
            .map(|answer| answer["SecretString"].clone())
            .map_err(|error| error.message)
    };
    assert_eq!(staged("AWSCURRENT"), Ok("one".into()));
    assert_eq!(
        staged("AWSPREVIOUS"),
        Err(
            "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS"
                .to_owned()
        )
    );
    for value in ["two", "three"] {
        let input = json!({ "SecretId": arn, "SecretString": value });
        let answer = secrets.call("PutSecretValue", &input).unwrap();
        assert_eq!(answer["VersionStages"], json!(["AWSCURRENT"]));
    }
    assert_eq!(staged("AWSCURRENT"), Ok("three".into()));
    assert_eq!(staged("AWSPREVIOUS"), Ok("two".into()));
    let described = secrets
        .call("DescribeSecret", &json!({ "SecretId": "db" }))
        .unwrap();
    assert_eq!(
        described["VersionIdsToStages"].as_object().unwrap().len(),
        2
    );
}

#[test]
fn gives_containers_what_they_refer_to() {
    let secrets = secrets();
    let arn = create(&secrets, "db", r#"{"user":"u","port":5432}"#);
    let update = json!({ "SecretId": "db", "SecretString": r#"{"user":"v"}"# });
    let id = secrets.call("UpdateSecret", &update).unwrap()["VersionId"].clone();
    let partial = arn.rsplit_once('-').unwrap().0;
    assert_eq!(secrets.value(&arn), Ok(r#"{"user":"v"}"#.to_owned()));
    assert_eq!(secrets.value(partial), Ok(r#"{"user":"v"}"#.to_owned()));
    assert_eq!(secrets.value(&format!("{arn}:user::")), Ok("v".to_owned()));
    assert_eq!(
        secrets.value(&format!("{arn}:user:AWSPREVIOUS:")),
        Ok("u".to_owned())
    );
    assert_eq!(
        secrets.value(&format!("{arn}:port:AWSPREVIOUS:")),
        Ok("5432".to_owned())
    );
    let id = id.as_str().unwrap();
    assert_eq!(
        secrets.value(&format!("{arn}:user::{id}")),
        Ok("v".to_owned())
    );
    assert_eq!(
        secrets.value(&format!("{arn}:port::")),
        Err(AwsError::new(
            "ResourceNotFoundException",
            "retrieved secret from Secrets Manager did not contain json key port"
        ))
    );
    assert_eq!(
        secrets.value("nothing"),
        Err(AwsError::new(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret."
        ))
    );
}

#[test]
fn deletes_with_a_window_or_by_force() {
    let secrets = secrets();
    create(&secrets, "a", "x");
    let named = json!({ "SecretId": "a" });
    let before = secrets.clock.now_ms();
    let answer = secrets.call("DeleteSecret", &named).unwrap();
    let after = secrets.clock.now_ms();
    let end = crate::protocol::as_timestamp(&answer["DeletionDate"]).unwrap();
    let thirty_days = 30 * 24 * 3600 * 1000;
    assert!((before..=after).contains(&(end - thirty_days)), "{end}");
    assert_eq!(
        code(secrets.call("GetSecretValue", &named)),
        "InvalidRequestException"
    );
    assert_eq!(
        code(secrets.call("CreateSecret", &json!({ "Name": "a" }))),
        "InvalidRequestException"
    );
    assert_eq!(
        secrets.call("ListSecrets", &json!({})).unwrap()["SecretList"],
        json!([])
    );
    secrets.call("RestoreSecret", &named).unwrap();
    assert_eq!(secrets.value("a"), Ok("x".to_owned()));
    let force = json!({ "SecretId": "a", "ForceDeleteWithoutRecovery": true });
    secrets.call("DeleteSecret", &force).unwrap();
    assert_eq!(
        code(secrets.call("DescribeSecret", &named)),
        "ResourceNotFoundException"
    );
    create(&secrets, "a", "y");
}

#[test]
fn forgets_a_secret_when_its_window_has_passed() {
    let quick = Secrets::open(
        Arc::new(Store::in_memory().unwrap()),
        secrets().account.clone(),
        // A window of days passes within the millisecond.
        Clock::new(1e12),
    )
    .unwrap();
    create(&quick, "a", "x");
    quick
        .call("DeleteSecret", &json!({ "SecretId": "a" }))
        .unwrap();
    assert_eq!(
        code(quick.call("RestoreSecret", &json!({ "SecretId": "a" }))),
        "ResourceNotFoundException"
    );
}

#[test]
fn takes_the_same_request_twice() {
    let secrets = secrets();
    let token = "0".repeat(32);
    create(&secrets, "a", "x");
    let put = |value: &str| {
        let input = json!({ "SecretId": "a", "SecretString": value, "ClientRequestToken": token });
        secrets.call("PutSecretValue", &input)
    };
    let first = put("y").unwrap();
    assert_eq!(first["VersionId"], token.as_str());
    assert_eq!(put("y").unwrap(), first);
    assert_eq!(code(put("z")), "ResourceExistsException");
}

#[test]
fn lists_what_the_filters_take() {
    let secrets = secrets();
    for name in ["prod/db", "prod/mail", "qa/db"] {
        create(&secrets, name, "x");
    }
    let tag = json!({ "SecretId": "qa/db", "Tags": [{ "Key": "team", "Value": "blue" }] });
    secrets.call("TagResource", &tag).unwrap();
    let check = |filter: Value, expected: &[&str]| {
        let input = json!({ "Filters": [filter] });
        let answer = secrets.call("ListSecrets", &input).unwrap();
        let names: Vec<_> = answer["SecretList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret["Name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{input}");
        let values = secrets.call("BatchGetSecretValue", &input).unwrap();
        assert_eq!(
            values["SecretValues"].as_array().unwrap().len(),
            expected.len()
        );
    };
    check(
        json!({ "Key": "name", "Values": ["prod/"] }),
        &["prod/db", "prod/mail"],
    );
    check(json!({ "Key": "name", "Values": ["!prod/"] }), &["qa/db"]);
    check(json!({ "Key": "tag-key", "Values": ["team"] }), &["qa/db"]);
    check(
        json!({ "Key": "all", "Values": ["BLUE", "prod/m"] }),
        &["prod/mail", "qa/db"],
    );
}

#[test]
fn tells_known_secrets_from_unknown_ones() {
    let secrets = secrets();
    create(&secrets, "a", "x");
    let input = json!({ "SecretIdList": ["a", "b"] });
    let answer = secrets.call("BatchGetSecretValue", &input).unwrap();
    assert_eq!(answer["SecretValues"][0]["SecretString"], "x");
    assert_eq!(
        answer["Errors"],
        json!([{
            "SecretId": "b",
            "ErrorCode": "ResourceNotFoundException",
            "Message": "Secrets Manager can't find the specified secret.",
        }])
    );
    let both = json!({ "SecretIdList": ["a"], "Filters": [{ "Key": "name", "Values": ["a"] }] });
    assert_eq!(
        code(secrets.call("BatchGetSecretValue", &both)),
        "InvalidParameterException"
    );
}

#[test]
fn moves_a_stage_by_hand() {
    let secrets = secrets();
    let old = secrets
        .call(
            "CreateSecret",
            &json!({ "Name": "a", "SecretString": "old" }),
        )
        .unwrap()["VersionId"]
        .clone();
    let put = json!({ "SecretId": "a", "SecretString": "new" });
    let new = secrets.call("PutSecretValue", &put).unwrap()["VersionId"].clone();
    let back = json!({ "SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": old });
    assert_eq!(
        code(secrets.call("UpdateSecretVersionStage", &back)),
        "InvalidParameterException"
    );
    let mut back = back;
    back["RemoveFromVersionId"] = new.clone();
    secrets.call("UpdateSecretVersionStage", &back).unwrap();
    assert_eq!(secrets.value("a"), Ok("old".to_owned()));
    let previous = json!({ "SecretId": "a", "VersionStage": "AWSPREVIOUS" });
    assert_eq!(
        secrets.call("GetSecretValue", &previous).unwrap()["VersionId"],
        new
    );
}

#[test]
fn shows_no_value_but_to_who_asks_for_it() {
    let secrets = secrets();
    create(&secrets, "a", "hunter2");
    let described = secrets
        .call("DescribeSecret", &json!({ "SecretId": "a" }))
        .unwrap();
    assert!(!described.to_string().contains("hunter2"));
    assert!(!format!("{:?}", secrets.secrets()).contains("hunter2"));
}

#[test]
fn bounds_values() {
    let secrets = secrets();
    let make = |input: Value| secrets.call("CreateSecret", &input).map(|_| ());
    assert_eq!(
        make(json!({ "Name": "a", "SecretString": "x".repeat(65_536) })),
        Ok(())
    );
    let long = make(json!({ "Name": "b", "SecretString": "x".repeat(65_537) }));
    assert_eq!(long.unwrap_err().code, "InvalidParameterException");
    let both = make(json!({ "Name": "b", "SecretString": "x", "SecretBinary": "eA==" }));
    assert_eq!(both.unwrap_err().code, "InvalidParameterException");
    let strange = make(json!({ "Name": "a b", "SecretString": "x" }));
    assert_eq!(strange.unwrap_err().code, "InvalidParameterException");
}
