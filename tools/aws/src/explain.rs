//! An SDK error in one sentence, with what to do about it.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use toolkit::Fault;

/// Codes that mean "too many calls"; all services together.
pub(crate) const THROTTLED: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
];

/// Codes that mean that the credentials were good once.
const EXPIRED: [&str; 3] = ["ExpiredTokenException", "ExpiredToken", "RequestExpired"];

/// The error's code as AWS has it, for example `ServiceNotFoundException`.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// Whether the same call may succeed a little later: throttling, a fault of the service, a cut connection,
/// credentials that can be renewed. While something is awaited, such an error never changes the verdict.
pub fn is_passing<E: ProvideErrorMetadata, R: std::fmt::Debug>(error: &SdkError<E, R>) -> bool
where
    SdkError<E, R>: HasStatus,
{
    match error {
        SdkError::ServiceError(_) => {
            let code = code(error).unwrap_or_default();
            THROTTLED.contains(&code)
                || EXPIRED.contains(&code)
                || error.status().is_some_and(|status| status >= 500)
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        _ => false,
    }
}

/// The HTTP status of the answer behind an error.
pub trait HasStatus {
    /// None where there was no answer.
    fn status(&self) -> Option<u16>;
}

impl<E> HasStatus for SdkError<E, aws_smithy_runtime_api::http::Response> {
    fn status(&self) -> Option<u16> {
        self.raw_response()
            .map(|response| response.status().as_u16())
    }
}

/// `cannot WHAT: what AWS says (Code)`, with a hint where one is known. `what` names operation and object,
/// for example `register the task definition ludlow-prod-api`.
pub fn explain<E, R>(what: &str, error: SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let (sentence, hint) = match &error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("an error without a code");
            let message = context.err().message().unwrap_or("no message");
            (format!("{message} ({code})"), hint_for_code(code))
        }
        SdkError::TimeoutError(_) => ("no answer in time".to_owned(), Some(REACH)),
        SdkError::DispatchFailure(failure) => {
            let cause = failure
                .as_connector_error()
                .map_or_else(|| error.to_string(), |error| root(error));
            (
                format!("no connection: {cause}"),
                Some(if cause.contains("credential") {
                    CREDENTIALS
                } else {
                    REACH
                }),
            )
        }
        SdkError::ConstructionFailure(_) => (root(&error), Some(CREDENTIALS)),
        _ => (root(&error), None),
    };
    let fault = Fault::new(1, format!("cannot {what}: {sentence}"));
    match hint {
        Some(hint) => fault.with_hint(hint).into(),
        None => fault.into(),
    }
}

const CREDENTIALS: &str = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` shows who you are";
const REACH: &str = "check AWS_ENDPOINT_URL and the network; for the local AWS, `cargo xtask local status` says whether it runs";

fn hint_for_code(code: &str) -> Option<&'static str> {
    if EXPIRED.contains(&code) {
        return Some("the credentials have expired: sign in again, or let CI fetch new ones");
    }
    match code {
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidSignatureException" => {
            Some(CREDENTIALS)
        }
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => Some(
            "the credentials are valid but lack this permission: add the action to the role's policy",
        ),
        "ClusterNotFoundException" => {
            Some("check the cluster's name and the region, or provision the environment first")
        }
        _ => None,
    }
}

/// The innermost cause, which is where connectors keep what went wrong.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
