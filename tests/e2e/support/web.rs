//! Plain HTTP, one request a connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Long enough for anything that is not stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Status and body of a GET of `url` (`http://HOST:PORT…`).
pub(crate) fn get(url: &str) -> std::io::Result<(u16, String)> {
    let (host, path) = parts(url);
    exchange(
        &host,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    )
}

/// Status and body of a call of one of AWS's JSON APIs; `target` is the service's prefix and the operation.
pub(crate) fn call(endpoint: &str, target: &str, input: &str) -> std::io::Result<(u16, String)> {
    let (host, path) = parts(endpoint);
    let length = input.len();
    exchange(
        &host,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Amz-Target: {target}\r\n\
             Content-Type: application/x-amz-json-1.1\r\nContent-Length: {length}\r\n\r\n{input}"
        ),
    )
}

/// Makes a bucket: a request of S3 is told from others by what it was signed for.
pub(crate) fn create_bucket(endpoint: &str, name: &str) -> std::io::Result<()> {
    let (host, _) = parts(endpoint);
    let scope = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request";
    let (status, body) = exchange(
        &host,
        &format!(
            "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {scope}\r\nContent-Length: 0\r\n\r\n"
        ),
    )?;
    match status {
        200 => Ok(()),
        _ => Err(std::io::Error::other(body)),
    }
}

fn exchange(host: &str, request: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// `HOST:PORT` and path of a URL.
pub(super) fn parts(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    match rest.find('/') {
        Some(slash) => (rest[..slash].to_owned(), rest[slash..].to_owned()),
        None => (rest.to_owned(), "/".to_owned()),
    }
}
