//! The archive: one entry a path, sorted by bytes, every field fixed by content.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;

use anyhow::{Context as _, bail};
use tar::{EntryType, Header};

use crate::rootfs::archive::ATTRIBUTE;
use crate::rootfs::node::{Identity, Kind, Node};
use crate::rootfs::tree::Tree;

/// Everything in an archive is a multiple of this.
const BLOCK: usize = 512;

/// Whether what is before an entry and the entry may be compressed apart. Content alone decides, and an entry does so
/// for itself, so that the cuts are soon the same again after a change.
fn may_begin_a_piece(file: &str, node: &Node) -> bool {
    if let Kind::File(content) = &node.kind
        && content.size >= super::pieces::SHORTEST as u64
    {
        return true;
    }
    // FNV-1a; every fourth entry will do.
    let hash = file.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash.is_multiple_of(4)
}

/// Writes the archive, and flushes where it may be cut. `epoch` is the time that every entry gets, in seconds since 1970.
pub(crate) fn write(tree: &Tree, epoch: u64, writer: &mut impl Write) -> anyhow::Result<()> {
    let mut names = Names::default();
    for (file, node) in tree.iter() {
        if may_begin_a_piece(file, node) {
            writer.flush()?;
        }
        entry(file, node, names.earlier(file, node), epoch, writer)?;
    }
    writer.write_all(&[0; 2 * BLOCK])?;
    Ok(())
}

/// The first names of files that may have several.
#[derive(Default)]
struct Names<'a>(BTreeMap<Identity, (&'a str, &'a Node)>);

impl<'a> Names<'a> {
    /// The name under which the archive has the same file already.
    fn earlier(&mut self, file: &'a str, node: &'a Node) -> Option<&'a str> {
        let Kind::File(content) = &node.kind else {
            return None;
        };
        match self.0.entry(content.identity()?) {
            Entry::Vacant(entry) => {
                entry.insert((file, node));
                None
            }
            // A copy with another owner or mode is a file of its own.
            Entry::Occupied(entry) => {
                let (name, other) = entry.get();
                let rights = |node: &Node| (node.mode, node.uid, node.gid);
                let is_same = rights(other) == rights(node) && other.attributes == node.attributes;
                is_same.then_some(*name)
            }
        }
    }
}

/// Bytes of the archive.
pub(crate) fn size(tree: &Tree) -> u64 {
    let mut names = Names::default();
    let entries: u64 = tree
        .iter()
        .map(|(file, node)| {
            let name = file.len() + usize::from(node.is_directory());
            let earlier = names.earlier(file, node);
            let content = match &node.kind {
                Kind::File(content) if earlier.is_none() => content.size,
                _ => 0,
            };
            let target = match (&node.kind, earlier) {
                (Kind::Link(target), _) => long(target.len()),
                (_, Some(name)) => long(name.len()),
                _ => 0,
            };
            let attributes = match attributes(node).len() {
                0 => 0,
                length => BLOCK + length.next_multiple_of(BLOCK),
            };
            (BLOCK + attributes) as u64
                + long(name)
                + target
                + content.next_multiple_of(BLOCK as u64)
        })
        .sum();
    entries + 2 * BLOCK as u64
}

/// Bytes that a name takes beside its entry: none if it fits into the header.
fn long(length: usize) -> u64 {
    if length <= FIELD {
        0
    } else {
        (BLOCK + (length + 1).next_multiple_of(BLOCK)) as u64
    }
}

/// Bytes of the header's fields for a name and for a link's target.
const FIELD: usize = 100;

fn entry(
    file: &str,
    node: &Node,
    earlier: Option<&str>,
    epoch: u64,
    writer: &mut impl Write,
) -> anyhow::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(node.mode);
    header.set_uid(node.uid);
    header.set_gid(node.gid);
    header.set_mtime(epoch);
    header.set_size(0);
    let mut name = file.as_bytes().to_vec();
    let mut target: &[u8] = b"";
    match &node.kind {
        Kind::Directory => {
            header.set_entry_type(EntryType::Directory);
            name.push(b'/');
        }
        Kind::File(content) => match earlier {
            Some(name) => {
                header.set_entry_type(EntryType::Link);
                target = name.as_bytes();
            }
            None => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(content.size);
            }
        },
        Kind::Pipe => header.set_entry_type(EntryType::Fifo),
        Kind::Link(to) => {
            header.set_entry_type(EntryType::Symlink);
            target = to.as_bytes();
        }
        Kind::Other(what) => bail!("/{file} is {what}, which a layer cannot have"),
    }
    before(
        EntryType::XHeader,
        b"././@PaxHeader",
        &attributes(node),
        writer,
    )?;
    long_name(EntryType::GNULongLink, target, writer)?;
    long_name(EntryType::GNULongName, &name, writer)?;
    let gnu = header
        .as_gnu_mut()
        .context("the header is not of the kind that was asked for")?;
    fill(&mut gnu.name, &name);
    fill(&mut gnu.linkname, target);
    header.set_cksum();
    writer.write_all(header.as_bytes())?;
    if let (Kind::File(content), None) = (&node.kind, earlier) {
        content.copy_to(writer)?;
        pad(content.size, writer)?;
    }
    Ok(())
}

/// As much of the bytes as the field holds.
fn fill(field: &mut [u8; FIELD], bytes: &[u8]) {
    let length = bytes.len().min(FIELD);
    field[..length].copy_from_slice(&bytes[..length]);
}

/// A name that the header is too short for, in GNU's way.
fn long_name(kind: EntryType, name: &[u8], writer: &mut impl Write) -> anyhow::Result<()> {
    if name.len() <= FIELD {
        return Ok(());
    }
    before(kind, b"././@LongLink", &[name, b"\0"].concat(), writer)
}

/// Extended attributes as records of their length, name and value.
fn attributes(node: &Node) -> Vec<u8> {
    let mut records = Vec::new();
    for (name, value) in &node.attributes {
        // " name=value\n", and before it the length of all, which counts its own digits.
        let rest = ATTRIBUTE.len() + name.len() + value.len() + 3;
        let mut length = rest + 1;
        while rest + length.to_string().len() != length {
            length = rest + length.to_string().len();
        }
        records.extend_from_slice(format!("{length} {ATTRIBUTE}{name}=").as_bytes());
        records.extend_from_slice(value);
        records.push(b'\n');
    }
    records
}

/// An entry that says more about the one after it; none if there is nothing to say.
fn before(
    kind: EntryType,
    name: &[u8],
    content: &[u8],
    writer: &mut impl Write,
) -> anyhow::Result<()> {
    if content.is_empty() {
        return Ok(());
    }
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let size = content.len() as u64;
    header.set_size(size);
    let gnu = header
        .as_gnu_mut()
        .context("the header is not of the kind that was asked for")?;
    fill(&mut gnu.name, name);
    header.set_cksum();
    writer.write_all(header.as_bytes())?;
    writer.write_all(content)?;
    pad(size, writer)
}

fn pad(written: u64, writer: &mut impl Write) -> anyhow::Result<()> {
    let missing = written.next_multiple_of(BLOCK as u64) - written;
    writer.write_all(&[0; BLOCK][..usize::try_from(missing)?])?;
    Ok(())
}
