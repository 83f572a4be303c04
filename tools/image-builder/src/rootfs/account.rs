//! Users and groups: by number, or by the names of an image's own `/etc/passwd` and `/etc/group`.

use anyhow::{Context as _, bail};

use super::node::Kind;
use super::tree::Tree;
use super::view::{Beyond, resolve};

/// More than this is no list of users.
const MOST: usize = 8 * 1024 * 1024;

/// User and group numbers of `USER[:GROUP]`. A user's number alone is the group's too, a name's group is its entry's.
pub(crate) fn owner(text: &str, tree: &Tree) -> anyhow::Result<(u64, u64)> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let (uid, own_gid) = match number(if user.is_empty() { "0" } else { user }) {
        Some(uid) => (uid, uid),
        None => {
            let entry = entry(tree, "etc/passwd", user)?;
            (field(&entry, 2, user)?, field(&entry, 3, user)?)
        }
    };
    let gid = match group {
        None => own_gid,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => field(&entry(tree, "etc/group", group)?, 2, group)?,
        },
    };
    Ok((uid, gid))
}

fn number(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}

/// The fields of the line that begins with that name.
fn entry(tree: &Tree, file: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let path = resolve(file, Beyond::TheRoot, |file| Ok(tree.get(file).cloned()))?;
    let Some(Kind::File(content)) = tree.get(&path).map(|node| &node.kind) else {
        bail!("there is no /{file} to look {name:?} up in; use a number");
    };
    let bytes = content.head(MOST)?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
        .find(|fields| fields.first().is_some_and(|first| first == name))
        .with_context(|| format!("/{file} of the image has no {name:?}; use a number"))
}

fn field(fields: &[String], at: usize, name: &str) -> anyhow::Result<u64> {
    fields
        .get(at)
        .and_then(|field| number(field))
        .with_context(|| format!("the entry of {name:?} has no number"))
}
