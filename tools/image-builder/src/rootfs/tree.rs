//! A file system: every path with what is there.

use std::collections::BTreeMap;

use super::node::{Kind, Node};
use crate::context::path;

/// Paths in the order of their bytes, so that a directory comes before what is in it. The root is there always and
/// is not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    pub(crate) fn get(&self, file: &str) -> Option<&Node> {
        self.nodes.get(file)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.nodes.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Puts a node at a path. What was below the path goes, unless directory follows directory.
    pub(crate) fn put(&mut self, file: &str, node: Node) {
        let stays = node.is_directory() && self.nodes.get(file).is_some_and(Node::is_directory);
        if !stays {
            self.remove_below(file);
        }
        self.nodes.insert(file.to_owned(), node);
    }

    /// Takes away a path and what is below it.
    pub(crate) fn remove(&mut self, file: &str) {
        self.remove_below(file);
        self.nodes.remove(file);
    }

    /// Takes away what is below a directory.
    pub(crate) fn remove_below(&mut self, directory: &str) {
        let below: Vec<String> = self
            .below(directory)
            .map(|(file, _)| file.clone())
            .collect();
        for file in below {
            self.nodes.remove(&file);
        }
    }

    /// Everything below a directory, at any depth.
    pub(crate) fn below<'a>(
        &'a self,
        directory: &'a str,
    ) -> Box<dyn Iterator<Item = (&'a String, &'a Node)> + 'a> {
        if directory.is_empty() {
            return Box::new(self.nodes.iter());
        }
        // '0' is the character after '/'.
        Box::new(
            self.nodes
                .range(format!("{directory}/")..format!("{directory}0")),
        )
    }

    /// The names in a directory, in order.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        self.below(directory)
            .filter(|(file, _)| path::parent(file) == directory)
            .map(|(file, _)| path::name(file).to_owned())
            .collect()
    }

    /// The directories alone.
    pub(crate) fn directories(&self) -> Self {
        let directories = self.nodes.iter().filter(|(_, node)| node.is_directory());
        Self {
            nodes: directories
                .map(|(file, node)| (file.clone(), node.clone()))
                .collect(),
        }
    }

    /// Lays a layer over this file system.
    pub(crate) fn apply(&mut self, layer: &Self) {
        for (file, node) in &layer.nodes {
            self.put(file, node.clone());
        }
    }

    /// One line a path: mode, owner, path, and the size or the target.
    #[cfg(test)]
    pub(crate) fn listing(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|(file, node)| {
                let owner = format!("{:04o} {}:{}", node.mode, node.uid, node.gid);
                match &node.kind {
                    Kind::Directory => format!("{owner} {file}/"),
                    Kind::File(content) => format!("{owner} {file} {}", content.size),
                    Kind::Link(target) => format!("{owner} {file} -> {target}"),
                    Kind::Pipe => format!("{owner} {file} (a named pipe)"),
                    Kind::Other(what) => format!("{owner} {file} ({what})"),
                }
            })
            .collect()
    }
}

/// Whether a node is a symbolic link, and where to.
pub(crate) fn target(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Link(target) => Some(target),
        _ => None,
    }
}
