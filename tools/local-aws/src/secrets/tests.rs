use serde_json::json;

use super::*;

fn service() -> Arc<Secrets> {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    Secrets::open(
        Arc::new(Store::in_memory().unwrap()),
        account,
        Clock::new(1.0),
    )
    .unwrap()
}

fn create(service: &Secrets, text: &str) -> String {
    let answer = service
        .call(
            "CreateSecret",
            &json!({ "Name": "db", "SecretString": text }),
        )
        .unwrap();
    answer["ARN"].as_str().unwrap().to_owned()
}

#[test]
fn gives_what_a_task_definition_names() {
    let service = service();
    let arn = create(&service, r#"{"user":"app","port":5432}"#);
    assert_eq!(
        service.value(&arn),
        Ok(r#"{"user":"app","port":5432}"#.to_owned())
    );
    assert_eq!(
        service.value(&format!("{arn}:user::")),
        Ok("app".to_owned())
    );
    assert_eq!(
        service.value(&format!("{arn}:port::")),
        Ok("5432".to_owned())
    );
    assert_eq!(
        service.value(&format!("{arn}:nothing::")).unwrap_err().code,
        "ResourceNotFoundException"
    );
}

#[test]
fn moves_the_stages_to_the_newest_version() {
    let service = service();
    let arn = create(&service, "one");
    for text in ["two", "three"] {
        service
            .call(
                "PutSecretValue",
                &json!({ "SecretId": "db", "SecretString": text }),
            )
            .unwrap();
    }
    assert_eq!(service.value(&arn), Ok("three".to_owned()));
    assert_eq!(
        service.value(&format!("{arn}::AWSPREVIOUS:")),
        Ok("two".to_owned())
    );
    let described = service
        .call("DescribeSecret", &json!({ "SecretId": "db" }))
        .unwrap();
    assert_eq!(
        described["VersionIdsToStages"].as_object().unwrap().len(),
        2
    );
}

#[test]
fn keeps_a_deleted_secret_until_its_window_is_over() {
    let service = service();
    create(&service, "one");
    service
        .call("DeleteSecret", &json!({ "SecretId": "db" }))
        .unwrap();
    let read = || service.call("GetSecretValue", &json!({ "SecretId": "db" }));
    assert_eq!(read().unwrap_err().code, "InvalidRequestException");
    service
        .call("RestoreSecret", &json!({ "SecretId": "db" }))
        .unwrap();
    assert_eq!(read().unwrap()["SecretString"], "one");
    service
        .call(
            "DeleteSecret",
            &json!({ "SecretId": "db", "ForceDeleteWithoutRecovery": true }),
        )
        .unwrap();
    assert_eq!(read().unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn shows_no_value_in_debug_output() {
    let service = service();
    create(&service, "hunter2");
    assert!(!format!("{:?}", service.secrets()).contains("hunter2"));
}
