//! Tags of the definition.

use super::view::{Task, items, text, twice};
use crate::{Problem, tags};

const PAGE: &str = "API_Tag";

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let list = items(&task.root["tags"]);
    let mut problems = twice(
        list.iter()
            .enumerate()
            .map(|(index, tag)| (format!("tags[{index}].key"), text(&tag["key"]))),
        "the tag",
        PAGE,
    );
    if list.len() > tags::MOST {
        let message = format!(
            "there are {} tags, and ECS takes {}",
            list.len(),
            tags::MOST
        );
        problems.push(Problem::new("tags", message, "leave some out").by(PAGE));
    }
    for (index, tag) in list.iter().enumerate() {
        if let Some((message, remedy)) = tags::mistake(text(&tag["key"]), text(&tag["value"])) {
            problems.push(Problem::new(format!("tags[{index}]"), message, remedy).by(PAGE));
        }
    }
    problems
}
