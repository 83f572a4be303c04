//! A question as it goes over the wire: a form, signed with Signature Version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What is asked of whom, by whom.
pub(super) struct Form {
    pub(super) endpoint: String,
    /// As the signature names it.
    pub(super) service: &'static str,
    pub(super) region: String,
    pub(super) body: String,
    pub(super) credentials: Credentials,
    pub(super) at: SystemTime,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form({} of {})", self.service, self.endpoint)
    }
}

/// `Action=…&Version=…` and the parameters.
pub(super) fn body(action: &str, version: &str, parameters: &[(String, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action)
        .append_pair("Version", version);
    for (name, value) in parameters {
        form.append_pair(name, value);
    }
    form.finish()
}

/// The request, whose signature is good for some minutes: attempts after the first send it as it is.
pub(super) fn request(form: &Form) -> Result<HttpRequest, BoxError> {
    let url = format!("{}/", form.endpoint.trim_end_matches('/'));
    let identity = form.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&form.region)
        .name(form.service)
        .time(form.at)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signable = SignableRequest::new(
        "POST",
        url.as_str(),
        [("content-type", FORM)].into_iter(),
        SignableBody::Bytes(form.body.as_bytes()),
    )?;
    let (instructions, _signature) = sign(signable, &parameters)?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(form.body.as_bytes()));
    request.set_method("POST")?;
    // The endpoint is put before it where the request is sent.
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.try_insert("content-type", FORM)?;
    headers.try_insert("content-length", form.body.len().to_string())?;
    for header in instructions.into_parts().0 {
        headers.try_insert(header.name(), header.value().to_owned())?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn signs_what_it_sends() {
        let form = Form {
            endpoint: "http://127.0.0.1:4566/".to_owned(),
            service: "iam",
            region: "us-east-1".to_owned(),
            body: body(
                "GetRole",
                "2010-05-08",
                &[("RoleName".to_owned(), "a b&c".to_owned())],
            ),
            credentials: Credentials::new("AKID", "SECRET", Some("TOKEN".to_owned()), None, "test"),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        assert_eq!(
            form.body,
            "Action=GetRole&Version=2010-05-08&RoleName=a+b%26c"
        );
        let request = request(&form).unwrap();
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        let header = |name| request.headers().get(name).unwrap_or_default().to_owned();
        assert_eq!(header("x-amz-date"), "20231114T221320Z");
        assert_eq!(header("x-amz-security-token"), "TOKEN");
        // Computed with botocore's SigV4Auth for the same request.
        assert_eq!(
            header("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKID/20231114/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=a0782c01b0fa5213b40f0aad7e792c0953987c935d9ee782156f67a48abeeda2"
        );
        assert!(!format!("{form:?}").contains("SECRET"));
    }
}
