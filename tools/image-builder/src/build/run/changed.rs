//! From what a command changed to a layer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileTypeExt as _;

use anyhow::{Context as _, bail};
use task_runtime::{Change, ChangeKind, Ids, Kept};

use crate::context::path;
use crate::rootfs::node::{Content, Kind, Node, Source, Stamp};
use crate::rootfs::tree::Tree;

/// Paths that the runtime fills for every container, whatever the image has there: no change of them is the
/// command's.
const NAMES: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];
/// How layers say that something is gone, and that nothing of a directory is left.
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The layer of the changes to a file system. `targets` are the paths of mounts, which leave traces like the
/// runtime's own.
pub(super) fn tree(
    changes: Vec<Change>,
    base: &Tree,
    ids: Ids,
    targets: &[String],
) -> anyhow::Result<Tree> {
    let traces = traces(base, targets);
    let mut found: BTreeMap<String, Node> = BTreeMap::new();
    // What is of no interest unless something below it is.
    let mut on_the_way = BTreeSet::new();
    for change in changes {
        let file = change.path.into_os_string().into_string().map_err(|name| {
            anyhow::anyhow!(
                "the command left {}, whose name is not UTF-8",
                name.display()
            )
        })?;
        if NAMES.contains(&file.as_str()) {
            continue;
        }
        if path::name(&file).starts_with(WHITEOUT) {
            bail!("the command left /{file}: names that begin with .wh. delete files in a layer");
        }
        match change.what {
            ChangeKind::Removed => {
                let marker = format!("{WHITEOUT}{}", path::name(&file));
                found.insert(path::join(path::parent(&file), &marker), marker_node());
            }
            ChangeKind::Kept(kept) => {
                let below = base.get(&file);
                let Some(node) = node(&kept, below, ids)? else {
                    continue;
                };
                let is_old = node.is_directory() && below == Some(&node) && !kept.is_opaque;
                if is_old || (traces.contains(file.as_str()) && is_empty(&node)) {
                    on_the_way.insert(file.clone());
                }
                if kept.is_opaque && base.below(&file).next().is_some() {
                    found.insert(path::join(&file, OPAQUE), marker_node());
                }
                found.insert(file, node);
            }
        }
    }
    Ok(without_idle(found, &on_the_way))
}

/// Paths that the runtime may have made because the image had nothing there, and the directories that lead to them.
fn traces<'a>(base: &Tree, targets: &'a [String]) -> BTreeSet<&'a str> {
    // `/dev`, `/proc` and `/sys` stay where they are made, as docker has it.
    let targets = targets.iter().map(|target| target.trim_start_matches('/'));
    NAMES
        .into_iter()
        .chain(targets)
        .flat_map(|file| path::ancestors(file).chain([file]))
        .filter(|file| base.get(file).is_none())
        .collect()
}

fn is_empty(node: &Node) -> bool {
    match &node.kind {
        Kind::Directory => true,
        Kind::File(content) => content.size == 0,
        _ => false,
    }
}

/// Drops what is only on the way, from the bottom up.
fn without_idle(found: BTreeMap<String, Node>, on_the_way: &BTreeSet<String>) -> Tree {
    let mut needed = BTreeSet::new();
    for file in found.keys().rev() {
        if !on_the_way.contains(file) || needed.contains(file.as_str()) {
            needed.insert(file.as_str());
            needed.insert(path::parent(file));
        }
    }
    let needed: BTreeSet<String> = needed.into_iter().map(str::to_owned).collect();
    let mut tree = Tree::default();
    for (file, node) in found {
        if needed.contains(&file) {
            tree.put(&file, node);
        }
    }
    tree
}

fn marker_node() -> Node {
    Node {
        kind: Kind::File(Content {
            size: 0,
            source: Source::Text("".into()),
        }),
        mode: 0o644,
        uid: 0,
        gid: 0,
        attributes: Vec::new(),
    }
}

/// `None` for a socket, which no archive can have.
fn node(kept: &Kept, below: Option<&Node>, ids: Ids) -> anyhow::Result<Option<Node>> {
    let what = || format!("cannot look at {}", kept.host.display());
    let metadata = fs::symlink_metadata(&kept.host).with_context(what)?;
    let kind = metadata.file_type();
    let kind = if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File(Content {
            size: metadata.len(),
            source: Source::Left(kept.host.clone(), Stamp::of(&metadata)),
        })
    } else if kind.is_symlink() {
        let target = fs::read_link(&kept.host).with_context(what)?;
        Kind::Link(target.into_os_string().into_string().map_err(|target| {
            anyhow::anyhow!(
                "a link of the command leads to {}, which is not UTF-8",
                target.display()
            )
        })?)
    } else if kind.is_fifo() {
        Kind::Pipe
    } else if kind.is_socket() {
        return Ok(None);
    } else {
        bail!(
            "{} is a device, which a layer cannot have",
            kept.host.display()
        );
    };
    let mut node = Node {
        mode: if matches!(kind, Kind::Link(_)) {
            0o777
        } else {
            kept.mode
        },
        kind,
        uid: u64::from(kept.uid),
        gid: u64::from(kept.gid),
        attributes: Vec::new(),
    };
    if let Some(value) = &kept.capability {
        node.attributes
            .push(("security.capability".to_owned(), value.clone()));
    }
    if let (Ids::Single, Some(below)) = (ids, below) {
        // There is one user only, so that a file that was changed says nothing of whose it was.
        (node.uid, node.gid) = (below.uid, below.gid);
        if node.mode & 0o777 == below.mode & 0o777 || node.is_directory() && below.is_directory() {
            node.mode = below.mode;
        }
    }
    if node.is_directory()
        && let Some(below) = below.filter(|below| below.is_directory())
    {
        node.attributes.clone_from(&below.attributes);
    }
    Ok(Some(node))
}
