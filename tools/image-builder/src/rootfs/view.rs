//! Where COPY and ADD take their sources from, looked at in one way: the build context, or a file system.

use anyhow::{Context as _, bail};

use super::node::{Kind, Node};
use super::tree::{Tree, target};
use crate::context::pattern::{Pattern, has_wildcards};
use crate::context::{Context, path};

/// Sources of files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'a> {
    Context(&'a Context),
    Tree(&'a Tree),
}

/// Links that may lead to links: as many as Linux follows.
const MOST_LINKS: usize = 40;

impl View<'_> {
    /// What is at a path; the last part is not followed if it is a link.
    pub(crate) fn node(&self, file: &str) -> anyhow::Result<Option<Node>> {
        match self {
            Self::Context(context) => context.node(file),
            Self::Tree(_) if file.is_empty() => Ok(Some(Node::directory(0, 0))),
            Self::Tree(tree) => Ok(tree.get(file).cloned()),
        }
    }

    fn names(&self, directory: &str) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Context(context) => context.names(directory),
            Self::Tree(tree) => Ok(tree.names(directory)),
        }
    }

    /// The path with every link in it followed. It need not exist.
    pub(crate) fn resolve(&self, file: &str) -> anyhow::Result<String> {
        let beyond = match self {
            Self::Context(_) => Beyond::Refused,
            Self::Tree(_) => Beyond::TheRoot,
        };
        resolve(file, beyond, |file| self.node(file))
    }

    /// The paths that a source of COPY means: itself, or what matches it if it is a pattern. Links are followed
    /// before the first wildcard, and compared by name after it.
    pub(crate) fn sources(&self, source: &str) -> anyhow::Result<Vec<String>> {
        let source = path::clean(source);
        let parts: Vec<&str> = source.split('/').collect();
        let literal = parts.iter().take_while(|part| !has_wildcards(part)).count();
        if literal == parts.len() {
            return Ok(vec![source]);
        }
        let mut found = vec![self.resolve(&parts[..literal].join("/"))?];
        for part in &parts[literal..] {
            let pattern = Pattern::glob(part)
                .with_context(|| format!("the pattern {source} is malformed"))?;
            let mut next = Vec::new();
            for directory in found {
                next.extend(self.matching(&directory, part, &pattern)?);
            }
            found = next;
        }
        Ok(found)
    }

    /// What in a directory matches one part of a pattern.
    fn matching(
        &self,
        directory: &str,
        part: &str,
        pattern: &Pattern,
    ) -> anyhow::Result<Vec<String>> {
        if !self
            .node(directory)?
            .is_some_and(|node| node.is_directory())
        {
            return Ok(Vec::new());
        }
        let names = if part.contains('\\') || has_wildcards(part) {
            self.names(directory)?
        } else {
            vec![(*part).to_owned()]
        };
        let mut found = Vec::new();
        for name in names.into_iter().filter(|name| pattern.matches(name)) {
            let file = path::join(directory, &name);
            if self.node(&file)?.is_some() {
                found.push(file);
            }
        }
        Ok(found)
    }

    /// Calls `visit` for everything below a directory, a directory before what is in it.
    pub(crate) fn walk(
        &self,
        directory: &str,
        visit: &mut dyn FnMut(&str, Node) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if let Self::Tree(tree) = self {
            for (file, node) in tree.below(directory) {
                visit(file, node.clone())?;
            }
            return Ok(());
        }
        for name in self.names(directory)? {
            let file = path::join(directory, &name);
            let Some(node) = self.node(&file)? else {
                continue;
            };
            let is_directory = node.is_directory();
            visit(&file, node)?;
            if is_directory {
                self.walk(&file, visit)?;
            }
        }
        Ok(())
    }
}

/// What `..` above the root of a file system means in a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// The root itself, as it does where an image runs.
    TheRoot,
    /// Something outside of the build context, which is none of an image's business.
    Refused,
}

/// The path with every link in it followed.
pub(crate) fn resolve(
    file: &str,
    beyond: Beyond,
    node: impl Fn(&str) -> anyhow::Result<Option<Node>>,
) -> anyhow::Result<String> {
    let mut done = String::new();
    let mut left: Vec<String> = file.split('/').rev().map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                done = path::parent(&done).to_owned();
                continue;
            }
            _ => {}
        }
        let next = path::join(&done, &part);
        let found = node(&next)?;
        let Some(target) = found.as_ref().and_then(target) else {
            done = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            bail!("{file} leads in circles: too many symbolic links");
        }
        if beyond == Beyond::Refused && leads_out(target, &done) {
            bail!(
                "the symbolic link {next} leads to {target}, which is outside of the build context"
            );
        }
        if target.starts_with('/') {
            done = String::new();
        }
        left.extend(target.split('/').rev().map(str::to_owned));
    }
    Ok(done)
}

/// Whether a relative target has more `..` than there are directories above.
fn leads_out(target: &str, directory: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth = if directory.is_empty() {
        0
    } else {
        directory.split('/').count()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// What a node is, for messages.
pub(crate) fn described(node: &Node) -> &'static str {
    match node.kind {
        Kind::Directory => "a directory",
        Kind::File(_) => "a file",
        Kind::Link(_) => "a symbolic link",
        Kind::Pipe => "a named pipe",
        Kind::Other(what) => what,
    }
}
