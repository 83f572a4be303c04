//! A layer in the making, above the file system that it will lie on.

use anyhow::bail;

use super::node::{Kind, Node};
use super::tree::Tree;
use super::view::{Beyond, described, resolve};
use crate::context::path;

/// What is there already, and what is added.
#[derive(Debug)]
pub(crate) struct Overlay<'a> {
    base: &'a Tree,
    layer: Tree,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a Tree) -> Self {
        Self {
            base,
            layer: Tree::default(),
        }
    }

    /// What was added, with the directories that lead to it.
    pub(crate) fn into_layer(self) -> Tree {
        self.layer
    }

    pub(crate) fn get(&self, file: &str) -> Option<&Node> {
        self.layer.get(file).or_else(|| self.base.get(file))
    }

    pub(crate) fn is_directory(&self, file: &str) -> bool {
        file.is_empty() || self.get(file).is_some_and(Node::is_directory)
    }

    /// The path with every link followed.
    pub(crate) fn resolve(&self, file: &str) -> anyhow::Result<String> {
        resolve(file, Beyond::TheRoot, |file| Ok(self.get(file).cloned()))
    }

    /// Makes a directory and those above it, where they are missing; they belong to that owner.
    pub(crate) fn make_directories(
        &mut self,
        directory: &str,
        uid: u64,
        gid: u64,
    ) -> anyhow::Result<()> {
        let all: Vec<&str> = path::ancestors(directory)
            .chain([directory])
            .filter(|file| !file.is_empty())
            .collect();
        for file in all {
            match self.get(file) {
                None => self.layer.put(file, Node::directory(uid, gid)),
                Some(node) if node.is_directory() => self.repeat(file),
                Some(node) => bail!(
                    "/{file} is {} in the image, not a directory",
                    described(node)
                ),
            }
        }
        Ok(())
    }

    /// Lists a directory of the base again: a layer names the directories that lead to what it adds.
    fn repeat(&mut self, file: &str) {
        if self.layer.get(file).is_none()
            && let Some(node) = self.base.get(file)
        {
            self.layer.put(file, node.clone());
        }
    }

    /// Adds a file, a directory or a link, whose parent is there.
    pub(crate) fn put(&mut self, file: &str, node: Node) -> anyhow::Result<()> {
        if path::name(file).starts_with(".wh.") {
            bail!("/{file} cannot be in a layer: names that begin with .wh. delete files there");
        }
        if let Kind::Other(what) = node.kind {
            bail!("/{file} is {what}, which an image cannot have");
        }
        match self.get(file) {
            Some(old) if old.is_directory() && !node.is_directory() => {
                bail!(
                    "/{file} is a directory in the image, and {} cannot take its place",
                    described(&node)
                );
            }
            Some(old) if !old.is_directory() && node.is_directory() => {
                bail!(
                    "/{file} is {} in the image, and a directory cannot take its place",
                    described(old)
                );
            }
            _ => {}
        }
        let above: Vec<&str> = path::ancestors(file).collect();
        for directory in above {
            self.repeat(directory);
        }
        self.layer.put(file, node);
        Ok(())
    }
}
