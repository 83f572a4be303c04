//! Answers in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::protocol::{AwsError, Input};

/// Cuts a sorted list into the page that the request asks for. `key` is unique and sorts as the list does: a
/// page goes on after the last key of the one before, whatever was added or removed in between.
pub(super) fn page<T>(
    input: &Input<'_>,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let size = match input.integer("maxResults")? {
        None => 100,
        Some(size @ 1..=1000) => usize::try_from(size).unwrap_or(1000),
        Some(_) => return Err(input.refuse("maxResults must be between 1 and 1000")),
    };
    let after = input
        .text("nextToken")?
        .map(|token| read(input, token))
        .transpose()?;
    let mut rest: Vec<T> = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after))
        .collect();
    let has_more = rest.len() > size;
    rest.truncate(size);
    let token = rest
        .last()
        .filter(|_| has_more)
        .map(|last| BASE64.encode(key(last)));
    Ok((rest, token))
}

fn read(input: &Input<'_>, token: &str) -> Result<String, AwsError> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| input.refuse("Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of an earlier answer'"))
}
