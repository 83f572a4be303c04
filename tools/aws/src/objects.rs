//! Objects in S3, as far as a tool writes one: without S3's SDK crate, which is the largest of those that
//! could be had.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

use crate::explain::root;
use crate::query::{self, QueryError, Service};

const S3: Service = Service {
    name: "s3",
    id: "S3",
    version: "2006-03-01",
    is_global: false,
};

/// An object that is to be written.
#[derive(Clone, Copy)]
pub struct Object<'o> {
    /// The bucket's name.
    pub bucket: &'o str,
    /// Letters, digits, and `-_./`.
    pub key: &'o str,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: &'o [u8],
}

/// Writes an object unless there is one of that name; gives whether it was written. What is named by its
/// content need not be looked for first, so this takes no more than `s3:PutObject`.
pub async fn put_new(config: &SdkConfig, object: Object<'_>) -> Result<bool, QueryError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if object.bucket.is_empty()
        || ![object.bucket, object.key]
            .iter()
            .all(|part| part.chars().all(is_plain))
    {
        return Err(QueryError::Unreached(
            "a bucket or key with other characters than letters, digits and -_./".to_owned(),
        ));
    }
    let put = Put {
        endpoint: query::endpoint(config, S3),
        region: query::region(config).to_owned(),
        path: format!("/{}/{}", object.bucket, object.key),
        media_type: object.media_type,
        bytes: object.bytes.to_vec(),
        credentials: credentials(config).await?,
        at: config
            .time_source()
            .map_or_else(SystemTime::now, |source| source.now()),
    };
    let endpoint = put.endpoint.clone();
    let answer = query::call(config, S3.name, "PutObject", &endpoint)
        .serializer(|put: Put| request(&put))
        .deserializer(query::written)
        .build()
        .invoke(put)
        .await
        .map_err(query::reason);
    match answer {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.code() == Some("PreconditionFailed") => Ok(false),
        Err(other) => Err(other),
    }
}

async fn credentials(config: &SdkConfig) -> Result<Credentials, QueryError> {
    let provider = config
        .credentials_provider()
        .ok_or_else(|| QueryError::Unreached("there are no credentials".to_owned()))?;
    provider
        .provide_credentials()
        .await
        .map_err(|error| QueryError::Unreached(format!("no credentials: {}", root(&error))))
}

/// It has no derived `Debug`: it holds credentials and content.
struct Put {
    endpoint: String,
    region: String,
    /// With the bucket in front.
    path: String,
    media_type: &'static str,
    bytes: Vec<u8>,
    credentials: Credentials,
    at: SystemTime,
}

impl std::fmt::Debug for Put {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Put({} at {})", self.path, self.endpoint)
    }
}

fn request(put: &Put) -> Result<HttpRequest, BoxError> {
    let identity = put.credentials.clone().into();
    let mut settings = SigningSettings::default();
    // S3 takes paths as they are, and wants the body's digest in a header.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&put.region)
        .name(S3.name)
        .time(put.at)
        .settings(settings)
        .build()?
        .into();
    let url = format!("{}{}", put.endpoint.trim_end_matches('/'), put.path);
    let headers = [("content-type", put.media_type), ("if-none-match", "*")];
    let signable = SignableRequest::new(
        "PUT",
        url.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(&put.bytes),
    )?;
    let (instructions, _signature) = sign(signable, &parameters)?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(put.bytes.clone()));
    request.set_method("PUT")?;
    // The endpoint is put before it where the request is sent.
    request.set_uri(put.path.clone())?;
    for (name, value) in headers {
        request.headers_mut().try_insert(name, value)?;
    }
    let length = put.bytes.len().to_string();
    request.headers_mut().try_insert("content-length", length)?;
    for header in instructions.into_parts().0 {
        request
            .headers_mut()
            .try_insert(header.name(), header.value().to_owned())?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn signs_what_it_sends() {
        let put = Put {
            endpoint: "https://s3.eu-west-1.amazonaws.com".to_owned(),
            region: "eu-west-1".to_owned(),
            path: "/settings/ludlow/prod/4f2c.env".to_owned(),
            media_type: "text/plain",
            bytes: b"A=1\n".to_vec(),
            credentials: Credentials::new("AKID", "SECRET", Some("TOKEN".to_owned()), None, "test"),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        };
        let request = request(&put).unwrap();
        let header = |name| request.headers().get(name).unwrap_or_default().to_owned();
        assert_eq!(request.method(), "PUT");
        assert_eq!(request.uri(), "/settings/ludlow/prod/4f2c.env");
        assert_eq!(header("if-none-match"), "*");
        assert_eq!(
            header("x-amz-content-sha256"),
            "91d6a3d55e9fea7911c537afae6607c77fa8bc0f3a76c375e104ac5a8cfa84db"
        );
        // Computed with botocore's S3SigV4Auth for the same request.
        assert_eq!(
            header("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKID/20231114/eu-west-1/s3/aws4_request, \
             SignedHeaders=content-type;host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token, \
             Signature=d2c316b7e81fc3b2578e639a716e19a5700ff00958420c7943ce3d6680613747"
        );
        assert!(!format!("{put:?}").contains("SECRET"));
    }
}
