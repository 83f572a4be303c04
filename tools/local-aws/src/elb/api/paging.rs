//! Pages of a listing.

use serde_json::{Map, Value};

use crate::protocol::{Answer, AwsError, Input};

/// Cuts the page that `Marker` and `PageSize` ask for. A marker is the number of items before the page.
pub(super) fn page(input: Input<'_>, list: &str, items: Vec<Value>) -> Answer {
    let size = super::bounded(input, "PageSize", 1_usize, 400)?.unwrap_or(400);
    let first = match input.text("Marker")? {
        None => 0,
        Some(marker) => marker
            .parse()
            .ok()
            .filter(|first| *first <= items.len())
            .ok_or_else(|| {
                AwsError::new("ValidationError", format!("Marker '{marker}' is not valid"))
            })?,
    };
    let next = first + size;
    let mut answer = Map::new();
    if next < items.len() {
        answer.insert("NextMarker".to_owned(), next.to_string().into());
    }
    let page: Vec<Value> = items.into_iter().skip(first).take(size).collect();
    answer.insert(list.to_owned(), page.into());
    Ok(answer.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn walks_through_all_items() {
        let items = || (1..=5).map(Value::from).collect::<Vec<_>>();
        let ask = |request: Value| page(Input::new(&request, "ValidationError"), "L", items());
        assert_eq!(
            ask(json!({ "PageSize": "2" })),
            Ok(json!({ "NextMarker": "2", "L": [1, 2] }))
        );
        assert_eq!(
            ask(json!({ "PageSize": 2, "Marker": "4" })),
            Ok(json!({ "L": [5] }))
        );
        assert_eq!(ask(json!({})), Ok(json!({ "L": [1, 2, 3, 4, 5] })));
        assert_eq!(
            ask(json!({ "Marker": "6" })),
            Err(AwsError::new("ValidationError", "Marker '6' is not valid"))
        );
    }
}
