//! Answers in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// A token that no earlier answer gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadToken;

/// Cuts one page of at most `size` items out of a list, and gives the token of the next page if there is more.
///
/// `key` is unique and sorts as the list does: a page goes on after the last key of the one before, whatever
/// was added or removed in between.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = T>,
    size: usize,
    token: Option<&str>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), BadToken> {
    let after = token.map(read).transpose()?;
    let mut rest: Vec<T> = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after))
        .collect();
    let has_more = rest.len() > size;
    rest.truncate(size);
    let next = rest
        .last()
        .filter(|_| has_more)
        .map(|last| BASE64.encode(key(last)));
    Ok((rest, next))
}

fn read(token: &str) -> Result<String, BadToken> {
    BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(BadToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_after_the_last_item_whatever_changed() {
        let cut = |items: &[&'static str], token: Option<&str>| {
            page(items.to_vec(), 2, token, |item| (*item).to_owned()).unwrap()
        };
        let (first, token) = cut(&["a", "c", "e"], None);
        assert_eq!(first, ["a", "c"]);
        let (second, token) = cut(&["b", "d", "e", "f"], token.as_deref());
        assert_eq!(second, ["d", "e"]);
        assert_eq!(cut(&["f"], token.as_deref()), (vec!["f"], None));
    }

    #[test]
    fn refuses_a_strange_token() {
        assert_eq!(
            page(["a"], 1, Some("!"), |item| (*item).to_owned()),
            Err(BadToken)
        );
    }
}
