//! Who may use the registry: holders of a password from GetAuthorizationToken, as with ECR.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Method, StatusCode};

use super::Asked;
use super::fault::Fault;
use crate::ecr::Verdict;
use crate::server::reply::{self, Reply};

/// Nothing for a request that may go on; otherwise the answer that tells its client how to get in.
pub(super) fn refusal(asked: &Asked<'_>) -> Option<Reply> {
    match verdict(asked) {
        Verdict::Good => None,
        Verdict::Expired => Some(
            Fault::new(
                StatusCode::FORBIDDEN,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            )
            .reply(),
        ),
        Verdict::Bad => Some(challenge(asked)),
    }
}

fn verdict(asked: &Asked<'_>) -> Verdict {
    let is_read = asked.method == Method::GET || asked.method == Method::HEAD;
    if let (true, Some(signature)) = (is_read, asked.parameter("signature")) {
        let expires = asked.parameter("expires").unwrap_or_default();
        return asked
            .ecr
            .judge_address(asked.uri.path(), &expires, &signature);
    }
    match credentials(asked) {
        Some((user, password)) => asked.ecr.judge(&user, &password),
        None => Verdict::Bad,
    }
}

/// User name and password of `Authorization: Basic …`.
fn credentials(asked: &Asked<'_>) -> Option<(String, String)> {
    let header = asked.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn challenge(asked: &Asked<'_>) -> Reply {
    let mut refusal = reply::reply(
        StatusCode::UNAUTHORIZED,
        "text/plain; charset=utf-8",
        "Not Authorized\n",
    );
    let challenge = format!(
        "Basic realm=\"{}\",service=\"ecr.amazonaws.com\"",
        asked.address("/")
    );
    refusal
        .headers_mut()
        .insert(WWW_AUTHENTICATE, reply::header(&challenge));
    refusal
}
