//! How each service words a fault: the codes that AWS's clients retry on, or give up at.

use super::rules::Kind;
use crate::cloud::Service;
use crate::protocol::AwsError;

/// How a service's errors are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// JSON 1.1: names of shapes, mostly `…Exception`.
    Json,
    /// EC2 has words of its own.
    Ec2,
    /// Query: codes. CloudWatch's other dialects turn them into names of shapes.
    Query,
}

fn family(service: Service) -> Family {
    match service {
        Service::Ecs
        | Service::Ecr
        | Service::Logs
        | Service::Ssm
        | Service::Secrets
        | Service::AutoScaling => Family::Json,
        Service::Elb
        | Service::CloudWatch
        | Service::Sts
        | Service::Iam
        | Service::S3
        | Service::Sns => Family::Query,
        Service::Ec2 => Family::Ec2,
    }
}

/// The refusal of a request by this fault; a delay or a cut is no refusal.
pub(crate) fn error(kind: Kind, service: Service) -> Option<AwsError> {
    let family = family(service);
    let by_family = |json, query, ec2| match family {
        Family::Json => json,
        Family::Query => query,
        Family::Ec2 => ec2,
    };
    let (code, message, status) = match kind {
        Kind::Throttle if service == Service::S3 => {
            ("SlowDown", "Please reduce your request rate.", 503)
        }
        Kind::Throttle => by_family(
            ("ThrottlingException", "Rate exceeded", 400),
            ("Throttling", "Rate exceeded", 400),
            ("RequestLimitExceeded", "Request limit exceeded.", 503),
        ),
        Kind::ServerError => (
            server_error(service),
            "The request could not be completed because of an internal error. (asked for by a fault rule)",
            500,
        ),
        Kind::Unavailable => {
            let message = "The service is temporarily unavailable. (asked for by a fault rule)";
            by_family(
                ("ServiceUnavailableException", message, 503),
                ("ServiceUnavailable", message, 503),
                ("Unavailable", message, 503),
            )
        }
        Kind::ExpiredCredentials => {
            let message = "The security token included in the request is expired";
            by_family(
                ("ExpiredTokenException", message, 400),
                ("ExpiredToken", message, 403),
                ("RequestExpired", "Request has expired.", 400),
            )
        }
        Kind::AccessDenied => {
            let message =
                "You are not authorized to perform this operation. (asked for by a fault rule)";
            by_family(
                ("AccessDeniedException", message, 400),
                ("AccessDenied", message, 403),
                ("UnauthorizedOperation", message, 403),
            )
        }
        Kind::Delay | Kind::Cut => return None,
    };
    Some(AwsError::new(code, message).with_status(status))
}

/// The name of a service's own failure in its model.
fn server_error(service: Service) -> &'static str {
    match service {
        Service::Ecs | Service::Ecr => "ServerException",
        Service::Ssm => "InternalServerError",
        Service::Secrets => "InternalServiceError",
        Service::AutoScaling => "InternalServiceException",
        Service::Iam => "ServiceFailure",
        Service::Ec2 | Service::S3 | Service::Sns => "InternalError",
        Service::Logs | Service::Elb | Service::CloudWatch | Service::Sts => "InternalFailure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_faults_as_the_services_do() {
        let table = [
            (Kind::Throttle, Service::Ecs, "ThrottlingException", 400),
            (Kind::Throttle, Service::Elb, "Throttling", 400),
            (Kind::Throttle, Service::Ec2, "RequestLimitExceeded", 503),
            (Kind::Throttle, Service::S3, "SlowDown", 503),
            (Kind::ServerError, Service::Ecs, "ServerException", 500),
            (Kind::ServerError, Service::Elb, "InternalFailure", 500),
            (Kind::ServerError, Service::Ssm, "InternalServerError", 500),
            (
                Kind::Unavailable,
                Service::Logs,
                "ServiceUnavailableException",
                503,
            ),
            (Kind::Unavailable, Service::Sts, "ServiceUnavailable", 503),
            (
                Kind::ExpiredCredentials,
                Service::Ecr,
                "ExpiredTokenException",
                400,
            ),
            (Kind::AccessDenied, Service::Iam, "AccessDenied", 403),
            (
                Kind::ExpiredCredentials,
                Service::CloudWatch,
                "ExpiredToken",
                403,
            ),
        ];
        for (kind, service, code, status) in table {
            let error = error(kind, service).unwrap();
            assert_eq!((error.code.as_str(), error.status), (code, status));
        }
        assert_eq!(error(Kind::Cut, Service::Ecs), None);
        assert_eq!(error(Kind::Delay, Service::Ecs), None);
    }
}
