//! ECR's way of asking for pages.

use crate::page;
use crate::protocol::{AwsError, Input};

/// The page of a sorted list that the request asks for: 100 items, or `maxResults` up to 1000.
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
    page::page(items, size, input.text("nextToken")?, key).map_err(|page::BadToken| {
        input.refuse("Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of an earlier answer'")
    })
}
