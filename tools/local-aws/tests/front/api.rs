//! The services' APIs on the wire.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::Server;

#[test]
fn speaks_json() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let post = |target: &str, body: &[u8], more: &[(&str, &str)]| {
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
        ];
        server.send("POST", "/", &[&headers, more].concat(), body)
    };
    let put = br#"{"Name":"/a","Type":"String","Value":"1"}"#;
    let answer = post("AmazonSSM.PutParameter", put, &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, br#"{"Version":1,"Tier":"Standard"}"#);
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    assert_eq!(answer.header("x-amzn-requestid").unwrap().len(), 36);
    let again = post("AmazonSSM.PutParameter", put, &[]);
    assert_eq!(again.status, 400);
    assert_eq!(again.json()["__type"], "ParameterAlreadyExists");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(br#"{"Name":"/a"}"#).unwrap();
    let packed = packed.finish().unwrap();
    let got = post(
        "AmazonSSM.GetParameter",
        &packed,
        &[("Content-Encoding", "gzip")],
    );
    assert_eq!(got.json()["Parameter"]["Value"], "1");
    assert!(got.json()["Parameter"]["LastModifiedDate"].is_f64());
    let malformed = post("AmazonSSM.GetParameter", b"{", &[]);
    assert_eq!(
        (malformed.status, malformed.json()["__type"].as_str()),
        (400, Some("SerializationException"))
    );
    let unknown = post("AmazonSSM.SendCommand", b"{}", &[]);
    assert_eq!(
        (unknown.status, unknown.json()["__type"].as_str()),
        (501, Some("UnsupportedOperationException"))
    );
    let nowhere = post("Nothing.Do", b"{}", &[]);
    assert_eq!(nowhere.json()["__type"], "UnknownOperationException");
}

#[test]
fn speaks_query() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let answer = server.send("POST", "/", &form, body);
    assert_eq!(answer.status, 200);
    let id = answer.header("x-amzn-requestid").unwrap();
    assert_eq!(
        String::from_utf8(answer.body.clone()).unwrap(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <UserId>000000000000</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn>\
             </GetCallerIdentityResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        )
    );
    // The signature's scope tells the service, whatever the version says.
    let signed = [(
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/elasticloadbalancing/aws4_request, SignedHeaders=host, Signature=0",
    )];
    let answer = server.send(
        "POST",
        "/",
        &[&form, &signed[..]].concat(),
        b"Action=Nothing&Version=1",
    );
    let text = String::from_utf8(answer.body).unwrap();
    assert!(
        text.contains("does not implement elasticloadbalancing.Nothing"),
        "{text}"
    );
    let nobody = server.send("POST", "/", &form, b"Action=Nothing&Version=1");
    assert_eq!(nobody.status, 400);
}

#[test]
fn bounds_what_it_reads() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let target = ("X-Amz-Target", "AmazonSSM.GetParameter");
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let headers = [target, ("Content-Encoding", "gzip")];
    let answer = server.send("POST", "/", &headers, &bomb);
    assert_eq!(answer.status, 413);
    assert_eq!(
        answer.json()["message"],
        "the request's body is larger than 8388608 bytes"
    );
    assert_eq!(server.send("GET", "/nothing", &[], b"").status, 404);
}
