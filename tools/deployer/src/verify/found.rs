//! What became of a question to AWS.

use aws::query::QueryError;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

/// Codes that mean that the credentials are good and the permission is missing.
const DENIED: [&str; 6] = [
    "AccessDeniedException",
    "AccessDenied",
    "UnauthorizedOperation",
    "UnauthorizedException",
    "NotAuthorized",
    "AuthorizationError",
];

/// Codes of an endpoint that lacks the operation, as a local one may.
const UNSUPPORTED: [&str; 5] = [
    "UnknownOperationException",
    "InvalidAction",
    "UnsupportedOperation",
    "NotImplemented",
    "HTTP 501",
];

/// An answer, that there is none of that name, or why that cannot be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<T> {
    Known(T),
    Missing,
    Hidden(Hidden),
}

/// A question that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    /// In the words of whoever refused.
    pub(super) reason: String,
    /// What to do to see it.
    pub(super) hint: Option<String>,
}

impl<T> Found<T> {
    /// Turns what was found into something else.
    pub(super) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Known(value) => Found::Known(turn(value)),
            Self::Missing => Found::Missing,
            Self::Hidden(hidden) => Found::Hidden(hidden),
        }
    }

    /// Nothing instead of an answer without content.
    pub(super) fn of(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Self::Known)
    }

    pub(super) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Missing | Self::Hidden(_) => None,
        }
    }

    pub(super) fn is_hidden(&self) -> bool {
        matches!(self, Self::Hidden(_))
    }
}

impl Hidden {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    /// `permission` is the action that the question needs, for example `iam:GetRole`.
    fn refused(permission: &str, code: &str, message: &str) -> Self {
        let (reason, hint) = if DENIED.contains(&code) {
            (
                format!("these credentials lack the permission {permission} ({code})"),
                Some(format!("allow {permission}")),
            )
        } else if UNSUPPORTED.contains(&code) {
            (
                format!("the endpoint does not offer {permission} ({code})"),
                None,
            )
        } else {
            (format!("{message} ({code})"), None)
        };
        Self { reason, hint }
    }
}

/// What a call of an SDK came to; `missing` are the codes that mean that there is none of that name.
pub(super) fn found<O, E>(
    permission: &str,
    missing: &[&str],
    result: Result<O, SdkError<E, HttpResponse>>,
) -> Found<O>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = match result {
        Ok(answer) => return Found::Known(answer),
        Err(error) => error,
    };
    match aws::code(&error) {
        Some(code) if missing.contains(&code) => Found::Missing,
        Some(code) => {
            let message = error
                .as_service_error()
                .and_then(ProvideErrorMetadata::message)
                .unwrap_or("no message");
            Found::Hidden(Hidden::refused(permission, code, message))
        }
        None => {
            let explained = aws::explain(&format!("ask for {permission}"), error);
            let hint = explained
                .downcast_ref::<toolkit::Fault>()
                .and_then(|fault| fault.hint().map(str::to_owned));
            Found::Hidden(Hidden {
                reason: format!("{explained:#}"),
                hint,
            })
        }
    }
}

/// The same for a service of the query protocol.
pub(super) fn asked<O>(
    permission: &str,
    missing: &[&str],
    result: Result<O, QueryError>,
) -> Found<O> {
    match result {
        Ok(answer) => Found::Known(answer),
        Err(QueryError::Refused { code, .. }) if missing.contains(&code.as_str()) => Found::Missing,
        Err(QueryError::Refused { code, message }) => {
            Found::Hidden(Hidden::refused(permission, &code, &message))
        }
        Err(other) => Found::Hidden(Hidden::new(format!("cannot ask for {permission}: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_missing_permission() {
        let refused = |code: &str| {
            Err::<(), _>(QueryError::Refused {
                code: code.to_owned(),
                message: "m".to_owned(),
            })
        };
        let hidden = |reason: &str, hint: Option<&str>| {
            Found::Hidden(Hidden {
                reason: reason.to_owned(),
                hint: hint.map(str::to_owned),
            })
        };
        let table = [
            (refused("NoSuchEntity"), Found::Missing),
            (
                refused("AccessDenied"),
                hidden(
                    "these credentials lack the permission iam:GetRole (AccessDenied)",
                    Some("allow iam:GetRole"),
                ),
            ),
            (
                refused("InvalidAction"),
                hidden(
                    "the endpoint does not offer iam:GetRole (InvalidAction)",
                    None,
                ),
            ),
            (refused("Throttling"), hidden("m (Throttling)", None)),
            (
                Err(QueryError::Unreached("no connection: refused".to_owned())),
                hidden("cannot ask for iam:GetRole: no connection: refused", None),
            ),
            (Ok(()), Found::Known(())),
        ];
        for (answer, expected) in table {
            assert_eq!(asked("iam:GetRole", &["NoSuchEntity"], answer), expected);
        }
    }
}
