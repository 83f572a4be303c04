//! An answer of the query protocol: the element asked for, or why there is none.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;

use super::QueryError;
use super::xml::{Element, parse};

/// A page of descriptions has some hundred KiB.
const LONGEST: usize = 8 << 20;

pub(super) fn read(response: &HttpResponse) -> Result<Element, OrchestratorError<QueryError>> {
    let bytes = response.body().bytes().unwrap_or_default();
    judge(response.status().as_u16(), bytes).map_err(OrchestratorError::operation)
}

/// For calls whose success has nothing to say.
pub(crate) fn written(response: &HttpResponse) -> Result<(), OrchestratorError<QueryError>> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let bytes = response.body().bytes().unwrap_or_default();
    match judge(status.as_u16(), bytes) {
        Err(refusal) => Err(OrchestratorError::operation(refusal)),
        Ok(_) => Ok(()),
    }
}

fn judge(status: u16, bytes: &[u8]) -> Result<Element, QueryError> {
    if bytes.len() > LONGEST {
        return Err(QueryError::Unreadable(format!(
            "it has {} bytes",
            bytes.len()
        )));
    }
    let parsed = std::str::from_utf8(bytes)
        .map_err(|error| error.to_string())
        .and_then(|text| parse(text).map_err(|error| error.to_string()));
    if (200..300).contains(&status) {
        return parsed.map_err(QueryError::Unreadable);
    }
    // `ErrorResponse/Error` of most services, `Response/Errors/Error` of EC2, `Error` alone of S3.
    let error = parsed
        .as_ref()
        .ok()
        .and_then(|root| root.find("Error").or(Some(root)));
    let said = |name| {
        error
            .and_then(|error| error.text_of(name))
            .map(str::to_owned)
    };
    Err(QueryError::Refused {
        code: said("Code").unwrap_or_else(|| format!("HTTP {status}")),
        message: said("Message").unwrap_or_else(|| "no message".to_owned()),
    })
}

/// Throttling, which IAM answers with status 400.
#[derive(Debug)]
pub(super) struct Throttled;

impl ClassifyRetry for Throttled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let code = error
            .as_operation_error()
            .and_then(|error| error.downcast_ref::<QueryError>())
            .and_then(QueryError::code);
        match code {
            Some(code) if crate::explain::THROTTLED.contains(&code) => {
                RetryAction::retryable_error(ErrorKind::ThrottlingError)
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "throttling codes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_answers_from_refusals() {
        let refused = |code: &str, message: &str| {
            Err(QueryError::Refused {
                code: code.to_owned(),
                message: message.to_owned(),
            })
        };
        let table: [(u16, &str, Result<Element, QueryError>); 5] = [
            (
                412,
                "<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>",
                refused("PreconditionFailed", "m"),
            ),
            (
                404,
                "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no role</Message></Error></ErrorResponse>",
                refused("NoSuchEntity", "no role"),
            ),
            (
                400,
                "<Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code><Message>m</Message></Error></Errors></Response>",
                refused("InvalidSubnetID.NotFound", "m"),
            ),
            (502, "bad gateway", refused("HTTP 502", "no message")),
            (
                200,
                "",
                Err(QueryError::Unreadable("there is no element".to_owned())),
            ),
        ];
        for (status, body, expected) in table {
            assert_eq!(judge(status, body.as_bytes()), expected, "{body}");
        }
        let answer = judge(200, b"<R><Role><Arn>a</Arn></Role></R>").unwrap();
        assert_eq!(
            answer.find("Role").and_then(|role| role.text_of("Arn")),
            Some("a")
        );
    }
}
