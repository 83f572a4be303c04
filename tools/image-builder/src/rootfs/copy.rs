//! COPY and ADD: which files of the source come to which paths of the image, as BuildKit has it.

use anyhow::{Context as _, bail};

use super::archive;
use super::node::{Content, Kind, Node, Source};
use super::overlay::Overlay;
use super::tree::Tree;
use super::view::View;
use crate::context::path;

/// What is copied where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Here-documents: name and content.
    pub(crate) texts: Vec<(String, String)>,
    /// Absolute, with a slash at its end if it must be a directory.
    pub(crate) destination: String,
    /// Instead of root, or of the owner in the source's file system.
    pub(crate) owner: Option<(u64, u64)>,
    /// Instead of the mode in the source.
    pub(crate) mode: Option<u32>,
    /// ADD: archives of the context are unpacked.
    pub(crate) unpacks: bool,
}

/// What a source means in its file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The last part of the path as it was asked for: the name in a destination directory.
    name: String,
    node: Node,
    /// What is below it if it is a directory: relative paths, in order.
    below: Vec<(String, Node)>,
}

impl Item {
    /// Its files are the same only as others of the same source.
    fn belong_to(&mut self, number: usize) {
        let below = self.below.iter_mut().map(|(_, node)| node);
        for node in [&mut self.node].into_iter().chain(below) {
            if let Kind::File(content) = &mut node.kind
                && let Source::Slice { part, .. } = &mut content.source
            {
                *part = number;
            }
        }
    }

    /// Every file among it with the path that the source has for it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Content)> {
        let own = (self.name.as_str(), &self.node);
        let below = self.below.iter().map(|(file, node)| (file.as_str(), node));
        [own]
            .into_iter()
            .chain(below)
            .filter_map(|(file, node)| match &node.kind {
                Kind::File(content) => Some((file, content)),
                _ => None,
            })
    }

    /// Every path with its node, the item itself first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        [(self.name.as_str(), &self.node)]
            .into_iter()
            .chain(self.below.iter().map(|(file, node)| (file.as_str(), node)))
    }
}

/// Finds what the sources mean. A pattern may match nothing, as long as another source matches something.
pub(crate) fn gather(view: View<'_>, sources: &[String]) -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::new();
    for (part, source) in sources.iter().enumerate() {
        for file in view.sources(source)? {
            let mut item = item(view, source, &file)?;
            item.belong_to(part);
            items.push(item);
        }
    }
    if items.is_empty() && !sources.is_empty() {
        bail!("nothing matches {}", sources.join(" "));
    }
    Ok(items)
}

fn item(view: View<'_>, source: &str, file: &str) -> anyhow::Result<Item> {
    let resolved = view.resolve(file)?;
    let Some(node) = view.node(&resolved)? else {
        let reason = match view {
            View::Context(_) => "in the build context, or .dockerignore leaves it out",
            View::Tree(_) => "there",
        };
        let through = if resolved == path::clean(file) {
            String::new()
        } else {
            format!(" (a symbolic link leads it to {resolved})")
        };
        bail!("{source}{through} is not {reason}");
    };
    let mut below = Vec::new();
    if node.is_directory() {
        view.walk(&resolved, &mut |file, node| {
            if let Kind::Other(what) = node.kind {
                bail!(
                    "{file} is {what}, which an image cannot have; leave it out with .dockerignore"
                );
            }
            let relative = if resolved.is_empty() {
                file
            } else {
                &file[resolved.len() + 1..]
            };
            below.push((relative.to_owned(), node));
            Ok(())
        })?;
    }
    if let Kind::Other(what) = node.kind {
        bail!("{source} is {what}, which an image cannot have");
    }
    Ok(Item {
        name: path::name(file).to_owned(),
        node,
        below,
    })
}

/// The layer that the instruction adds to a file system.
pub(crate) fn copy(
    request: &Request,
    items: Vec<Item>,
    base: &Tree,
    archives: &archive::Store,
) -> anyhow::Result<Tree> {
    let mut target = Target::new(request, base, items.len() + request.texts.len())?;
    for item in items {
        let archive = match &item.node.kind {
            Kind::File(content) if request.unpacks => archives.open(content)?,
            _ => None,
        };
        match archive {
            Some(tree) => target.unpack(&tree)?,
            None => target.place(item)?,
        }
    }
    for (name, text) in &request.texts {
        let node = Node {
            kind: Kind::File(Content {
                size: text.len() as u64,
                source: Source::Text(text.as_str().into()),
            }),
            mode: 0o644,
            uid: 0,
            gid: 0,
            attributes: Vec::new(),
        };
        target.place(Item {
            name: name.clone(),
            node,
            below: Vec::new(),
        })?;
    }
    Ok(target.overlay.into_layer())
}

/// Where the files come to.
struct Target<'a> {
    request: &'a Request,
    overlay: Overlay<'a>,
    /// Resolved.
    destination: String,
}

impl<'a> Target<'a> {
    fn new(request: &'a Request, base: &'a Tree, count: usize) -> anyhow::Result<Self> {
        let mut overlay = Overlay::new(base);
        let (uid, gid) = request.owner.unwrap_or_default();
        let asked = path::clean(&request.destination);
        let is_directory = request.destination.ends_with('/');
        let made = if is_directory {
            &asked
        } else {
            path::parent(&asked)
        };
        let made = overlay.resolve(made)?;
        overlay.make_directories(&made, uid, gid)?;
        let destination = overlay.resolve(&asked)?;
        if count > 1 && !is_directory && !overlay.is_directory(&destination) {
            bail!(
                "several files are copied, so that the destination must be a directory: write {}/",
                request.destination
            );
        }
        Ok(Self {
            request,
            overlay,
            destination,
        })
    }

    /// Copies one file, or what is in one directory.
    fn place(&mut self, item: Item) -> anyhow::Result<()> {
        let (uid, gid) = self.request.owner.unwrap_or_default();
        if item.node.is_directory() {
            self.overlay
                .make_directories(&self.destination.clone(), uid, gid)?;
            for (file, node) in item.below {
                let file = path::join(&self.destination, &file);
                self.put(&file, node)?;
            }
            return Ok(());
        }
        let file = if self.overlay.is_directory(&self.destination) {
            path::join(&self.destination, &item.name)
        } else {
            self.destination.clone()
        };
        self.put(&file, item.node)
    }

    /// Unpacks one archive, over what is there.
    fn unpack(&mut self, tree: &Tree) -> anyhow::Result<()> {
        let (uid, gid) = self.request.owner.unwrap_or_default();
        self.overlay
            .make_directories(&self.destination.clone(), uid, gid)?;
        for (file, node) in tree.iter() {
            let asked = path::join(&self.destination, file);
            // An archive may lead through a link of the image, but not replace a directory by a link.
            let parent = self.overlay.resolve(path::parent(&asked))?;
            self.overlay
                .make_directories(&parent, uid, gid)
                .with_context(|| format!("cannot unpack {file}"))?;
            let mut node = node.clone();
            if let Some((uid, gid)) = self.request.owner {
                (node.uid, node.gid) = (uid, gid);
            }
            self.overlay
                .put(&path::join(&parent, path::name(file)), node)?;
        }
        Ok(())
    }

    fn put(&mut self, file: &str, mut node: Node) -> anyhow::Result<()> {
        if let Some((uid, gid)) = self.request.owner {
            (node.uid, node.gid) = (uid, gid);
        }
        if let (Some(mode), false) = (self.request.mode, matches!(node.kind, Kind::Link(_))) {
            node.mode = mode;
        }
        self.overlay.put(file, node)
    }
}
