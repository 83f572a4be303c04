//! Services of the query protocol (a form in, XML out) whose SDK crates are too large to compile for a few
//! reads: IAM and EC2. Credentials, endpoint, HTTP client, retries and time limits are those of the
//! configuration, as for every other client.

mod answer;
mod fetch;
mod signed;
mod xml;

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;

use crate::explain::root;
use answer::Throttled;
pub use fetch::fetch;
use signed::Form;
pub use xml::{Element, XmlError};

/// A service of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// In host names and signatures, for example `ec2`.
    pub name: &'static str,
    /// As the SDKs call it in `AWS_ENDPOINT_URL_…` and profiles, for example `EC2`.
    pub id: &'static str,
    /// Version of the API, a date.
    pub version: &'static str,
    /// One for the whole partition instead of one for each region.
    pub is_global: bool,
}

/// Why there is no answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The service answers that it will not.
    #[error("{message} ({code})")]
    Refused {
        /// For example `NoSuchEntity`.
        code: String,
        /// In the service's words.
        message: String,
    },
    /// There was no answer, or no credentials to ask with.
    #[error("{0}")]
    Unreached(String),
    /// The answer is none of this protocol.
    #[error("the answer is not what the service should say: {0}")]
    Unreadable(String),
}

impl QueryError {
    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreached(_) | Self::Unreadable(_) => None,
        }
    }
}

/// A client of one service. It has no `Debug`: it holds credentials.
pub struct Query {
    service: Service,
    endpoint: String,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    known: OnceCell<Credentials>,
    config: SdkConfig,
}

impl Query {
    /// A client with the endpoint of the configuration: that of the service, the common one, or AWS's own.
    #[must_use]
    pub fn new(config: &SdkConfig, service: Service) -> Self {
        let region = region(config).to_owned();
        let partition = Partition::of(&region);
        let endpoint = endpoint(config, service);
        Self {
            service,
            endpoint,
            region: if service.is_global {
                partition.home.to_owned()
            } else {
                region
            },
            credentials: config.credentials_provider(),
            known: OnceCell::new(),
            config: config.clone(),
        }
    }

    /// Asks, and gives the answer's outermost element.
    pub async fn ask(
        &self,
        action: &str,
        parameters: &[(String, String)],
    ) -> Result<Element, QueryError> {
        let form = Form {
            endpoint: self.endpoint.clone(),
            service: self.service.name,
            region: self.region.clone(),
            body: signed::body(action, self.service.version, parameters),
            credentials: self.credentials().await?,
            at: self
                .config
                .time_source()
                .map_or_else(SystemTime::now, |source| source.now()),
        };
        self.operation(action).invoke(form).await.map_err(reason)
    }

    /// Looked up once: the answer of the chain is good for longer than a run.
    async fn credentials(&self) -> Result<Credentials, QueryError> {
        let provider = self
            .credentials
            .as_ref()
            .ok_or_else(|| QueryError::Unreached("there are no credentials".to_owned()))?;
        self.known
            .get_or_try_init(|| provider.provide_credentials())
            .await
            .cloned()
            .map_err(|error| QueryError::Unreached(format!("no credentials: {}", root(&error))))
    }

    fn operation(&self, action: &str) -> Operation<Form, Element, QueryError> {
        call(&self.config, self.service.name, action, &self.endpoint)
            .serializer(|form: Form| signed::request(&form))
            .deserializer(answer::read)
            .build()
    }
}

/// The region of the configuration.
pub(crate) fn region(config: &SdkConfig) -> &str {
    config
        .region()
        .map_or("us-east-1", |region| region.as_ref())
}

/// The endpoint of the configuration: that of the service, the common one, or AWS's own.
pub(crate) fn endpoint(config: &SdkConfig, service: Service) -> String {
    let region = region(config);
    configured(config, service)
        .or_else(|| config.endpoint_url().map(str::to_owned))
        .unwrap_or_else(|| Partition::of(region).endpoint(service, region))
}

/// Nothing, where the answer is a success.
pub(crate) use answer::written;

/// A call with the configuration's HTTP client, retries and time limits.
pub(crate) fn call(
    config: &SdkConfig,
    service: &'static str,
    action: &str,
    endpoint: &str,
) -> OperationBuilder {
    let retries = config
        .retry_config()
        .cloned()
        .unwrap_or_else(RetryConfig::standard);
    let limits = config
        .timeout_config()
        .cloned()
        .unwrap_or_else(TimeoutConfig::disabled);
    let mut builder = Operation::builder()
        .service_name(service)
        .operation_name(action.to_owned())
        .endpoint_url(endpoint)
        .no_auth()
        .standard_retry(&retries)
        .timeout_config(limits)
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<QueryError>::new())
        .retry_classifier(Throttled);
    if let Some(client) = config.http_client() {
        builder = builder.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    builder
}

/// What went wrong where a call gave neither an answer nor a refusal.
pub(crate) fn reason(error: SdkError<QueryError, HttpResponse>) -> QueryError {
    match error {
        SdkError::ServiceError(refusal) => refusal.into_err(),
        SdkError::TimeoutError(_) => QueryError::Unreached("no answer in time".to_owned()),
        SdkError::DispatchFailure(ref failure) => {
            QueryError::Unreached(match failure.as_connector_error() {
                Some(cause) => format!("no connection: {}", root(cause)),
                None => root(&error),
            })
        }
        other => QueryError::Unreached(root(&other)),
    }
}

/// The endpoint that environment or profile give for this one service.
fn configured(config: &SdkConfig, service: Service) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

/// A group of regions with a domain and global services of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partition {
    domain: &'static str,
    /// The region in whose name global services are signed for.
    home: &'static str,
    /// Whether global services have the home region in their host names.
    names_home: bool,
}

impl Partition {
    fn of(region: &str) -> Self {
        let (domain, home, names_home) = if region.starts_with("cn-") {
            ("amazonaws.com.cn", "cn-north-1", true)
        } else if region.starts_with("us-gov-") {
            ("amazonaws.com", "us-gov-west-1", false)
        } else {
            ("amazonaws.com", "us-east-1", false)
        };
        Self {
            domain,
            home,
            names_home,
        }
    }

    fn endpoint(self, service: Service, region: &str) -> String {
        let Service { name, .. } = service;
        let domain = self.domain;
        match (service.is_global, self.names_home, self.home) {
            (false, _, _) => format!("https://{name}.{region}.{domain}"),
            (true, true, home) => format!("https://{name}.{home}.{domain}"),
            (true, false, "us-gov-west-1") => format!("https://{name}.us-gov.{domain}"),
            (true, false, _) => format!("https://{name}.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_of_each_partition() {
        let service = |name, is_global| Service {
            name,
            id: "X",
            version: "2010-05-08",
            is_global,
        };
        let table = [
            (
                "us-east-1",
                "ec2",
                false,
                "https://ec2.us-east-1.amazonaws.com",
            ),
            ("eu-west-1", "iam", true, "https://iam.amazonaws.com"),
            (
                "cn-northwest-1",
                "ec2",
                false,
                "https://ec2.cn-northwest-1.amazonaws.com.cn",
            ),
            (
                "cn-northwest-1",
                "iam",
                true,
                "https://iam.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-gov-east-1",
                "iam",
                true,
                "https://iam.us-gov.amazonaws.com",
            ),
        ];
        for (region, name, is_global, expected) in table {
            assert_eq!(
                Partition::of(region).endpoint(service(name, is_global), region),
                expected
            );
        }
    }
}
