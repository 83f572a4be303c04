//! File systems out of layers, flattened by other code than the program's own.

use std::collections::BTreeMap;
use std::io::Read;

use sha2::{Digest as _, Sha256};

/// By path without slashes at the ends: mode, owner, and what it is.
pub(crate) type Tree = BTreeMap<String, Entry>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) line: String,
    /// The same for all names of one file.
    inode: usize,
}

/// Lays one archive over the tree.
pub(crate) fn apply(tree: &mut Tree, archive: impl Read) {
    let mut archive = tar::Archive::new(archive);
    let mut added: Vec<(String, Option<Entry>, Option<String>)> = Vec::new();
    let mut inode = tree.values().map(|entry| entry.inode).max().unwrap_or(0);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        if path.is_empty() {
            continue;
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == ".wh..wh..opq" {
            remove_below(tree, directory);
        } else if let Some(gone) = name.strip_prefix(".wh.") {
            let gone = format!("{directory}/{gone}")
                .trim_start_matches('/')
                .to_owned();
            tree.remove(&gone);
            remove_below(tree, &gone);
        } else {
            inode += 1;
            let link =
                entry.header().entry_type().is_hard_link().then(|| {
                    String::from_utf8(entry.link_name_bytes().unwrap().into_owned()).unwrap()
                });
            let node = link.is_none().then(|| Entry {
                line: line(&mut entry),
                inode,
            });
            added.push((path, node, link));
        }
    }
    for (path, node, link) in added {
        let node = match (node, link) {
            (Some(node), _) => node,
            (None, Some(target)) => tree[target.trim_matches('/')].clone(),
            (None, None) => unreachable!(),
        };
        if !node.line.starts_with("directory") {
            remove_below(tree, &path);
        }
        tree.insert(path, node);
    }
}

fn remove_below(tree: &mut Tree, directory: &str) {
    let prefix = if directory.is_empty() {
        String::new()
    } else {
        format!("{directory}/")
    };
    tree.retain(|path, _| !path.starts_with(&prefix));
}

fn line<R: Read>(entry: &mut tar::Entry<'_, R>) -> String {
    let attributes: String = entry
        .pax_extensions()
        .unwrap()
        .into_iter()
        .flatten()
        .map(|record| record.unwrap())
        .filter(|record| record.key().unwrap().starts_with("SCHILY.xattr."))
        .map(|record| format!(" {}={:?}", record.key().unwrap(), record.value_bytes()))
        .collect();
    let header = entry.header();
    let mode = header.mode().unwrap() & 0o7777;
    let owner = format!(
        "{mode:04o} {}:{}",
        header.uid().unwrap(),
        header.gid().unwrap()
    );
    let kind = header.entry_type();
    if kind.is_dir() {
        return format!("directory {owner}{attributes}");
    }
    if kind.is_symlink() {
        let target = entry.link_name_bytes().unwrap().into_owned();
        // The mode of a link means nothing.
        let owner = format!("{}:{}", header_ids(entry).0, header_ids(entry).1);
        return format!("link {owner} -> {}", String::from_utf8(target).unwrap());
    }
    if kind.is_fifo() {
        return format!("pipe {owner}");
    }
    assert!(kind.is_file(), "{kind:?}");
    let mut content = Vec::new();
    entry.read_to_end(&mut content).unwrap();
    let digest = hex::encode(Sha256::digest(&content));
    format!(
        "file {owner} {} {}{attributes}",
        content.len(),
        &digest[..16]
    )
}

fn header_ids<R: Read>(entry: &tar::Entry<'_, R>) -> (u64, u64) {
    (entry.header().uid().unwrap(), entry.header().gid().unwrap())
}

/// One line a path; hard links say which name comes first.
pub(crate) fn listing(tree: &Tree) -> Vec<String> {
    let mut first: BTreeMap<usize, &str> = BTreeMap::new();
    tree.iter()
        .map(|(path, entry)| {
            let earlier = *first.entry(entry.inode).or_insert(path);
            if earlier == path {
                format!("{path}: {}", entry.line)
            } else {
                format!("{path}: {} = {earlier}", entry.line)
            }
        })
        .collect()
}
