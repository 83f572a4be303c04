use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::cache::{Cache, Key};
use super::*;
use crate::rootfs::node::{Content, Kind, Node, Source};

fn file(text: &str) -> Kind {
    Kind::File(Content {
        size: text.len() as u64,
        source: Source::Text(text.into()),
    })
}

fn node(kind: Kind, mode: u32, uid: u64) -> Node {
    Node {
        kind,
        mode,
        uid,
        gid: uid,
        attributes: Vec::new(),
    }
}

/// A tree with everything that a header can have trouble with.
fn tree() -> Tree {
    let mut tree = Tree::default();
    let long = "d".repeat(120);
    tree.put(&long, node(Kind::Directory, 0o755, 0));
    tree.put(
        &format!("{long}/ü"),
        node(file("long"), 0o4755, 3_000_000_000),
    );
    tree.put("a", node(Kind::Directory, 0o700, 7));
    tree.put(
        "a/link",
        node(Kind::Link(format!("../{long}/ü/./x")), 0o777, 0),
    );
    tree.put("a-file", node(file(""), 0o644, 0));
    // Around the length at which a record's own length gets a third digit.
    let mut capable = node(file("ping"), 0o755, 0);
    for length in [2, 66, 67, 68] {
        let name = format!("user.n{length}");
        capable.attributes.push((name, vec![b'x'; length]));
    }
    tree.put("capable", capable);
    tree
}

fn layout() -> (tempfile::TempDir, Layout) {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path()).unwrap();
    (directory, layout)
}

/// Into that layout, with two threads.
fn making(layout: &Layout, epoch: u64) -> Making<'_> {
    static NOTHING: std::sync::LazyLock<Known> = std::sync::LazyLock::new(Known::default);
    Making {
        layout,
        codec: Codec::Gzip,
        epoch,
        threads: 2,
        known: &NOTHING,
    }
}

#[test]
fn writes_what_other_programs_read() {
    let (_directory, layout) = layout();
    let total = std::cell::Cell::new(0);
    let (written, _) = making(&layout, 86_400)
        .write(&tree(), &|bytes| total.set(total.get() + bytes))
        .unwrap();
    assert_eq!(total.get(), archive_size(&tree()));
    let mut bytes = Vec::new();
    MultiGzDecoder::new(std::fs::File::open(layout.blob(&written.descriptor.digest)).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(Digest::of(&bytes), written.diff_id);
    let mut found = Vec::new();
    for entry in Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let records = entry.pax_extensions().unwrap();
        let attributes: String = records
            .into_iter()
            .flatten()
            .map(|record| record.unwrap())
            .map(|record| format!(" {}={}", record.key().unwrap(), record.value_bytes().len()))
            .collect();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let header = entry.header();
        found.push(format!(
            "{} {:?} {:o} {} {} {:?} {text:?}{attributes}",
            String::from_utf8_lossy(&entry.path_bytes()),
            header.entry_type(),
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.mtime().unwrap(),
            entry
                .link_name_bytes()
                .map(|name| String::from_utf8(name.into_owned()).unwrap())
                .unwrap_or_default(),
        ));
    }
    let long = "d".repeat(120);
    let (directory, regular, link) = (EntryType::Directory, EntryType::Regular, EntryType::Symlink);
    assert_eq!(
        found,
        [
            format!("a/ {directory:?} 700 7 86400 \"\" \"\""),
            format!("a-file {regular:?} 644 0 86400 \"\" \"\""),
            format!("a/link {link:?} 777 0 86400 \"../{long}/ü/./x\" \"\""),
            format!(
                "capable {regular:?} 755 0 86400 \"\" \"ping\" SCHILY.xattr.user.n2=2 SCHILY.xattr.user.n66=66 \
                 SCHILY.xattr.user.n67=67 SCHILY.xattr.user.n68=68"
            ),
            format!("{long}/ {directory:?} 755 0 86400 \"\" \"\""),
            format!("{long}/ü {regular:?} 4755 3000000000 86400 \"\" \"long\""),
        ]
    );
}

#[test]
fn has_a_digest_that_never_changes() {
    let (_directory, layout) = layout();
    let written = making(&layout, 0).write(&tree(), &|_| {}).unwrap().0;
    assert_eq!(diff_id(&tree(), 0).unwrap(), written.diff_id);
    // Golden: a change here makes every image of every user another one.
    assert_eq!(
        (written.diff_id.as_str(), written.descriptor.digest.as_str()),
        (
            "sha256:b6b536090da1e076547ba06d6ed16cb332711d383b6019e8ac4b3ff15c03283d",
            "sha256:91894cc500b2d13f39c5bf6c254efadccec7c08d14493754bd4069c38ce86627"
        )
    );
}

#[test]
fn refuses_what_a_layer_cannot_have() {
    let (_directory, layout) = layout();
    let mut tree = Tree::default();
    tree.put("dev/null", node(Kind::Other("a device"), 0o666, 0));
    let error = making(&layout, 0).write(&tree, &|_| {}).unwrap_err();
    assert_eq!(
        error.root_cause().to_string(),
        "/dev/null is a device, which a layer cannot have"
    );
}

#[test]
fn finds_layers_by_key_and_by_content() {
    let (directory, layout) = layout();
    let key = Key::of(&tree(), 0, Codec::Gzip);
    let written = making(&layout, 0).write(&tree(), &|_| {}).unwrap().0;
    let mut cache = Cache::open(&layout.cache());
    assert_eq!(cache.find(&key, &layout), None);
    cache.add(key.clone(), &written, Vec::new());
    cache.save(true).unwrap();

    let mut cache = Cache::open(&layout.cache());
    assert_eq!(cache.find(&key, &layout), Some(written.clone()));
    let mut other = tree();
    other.put("a-file", node(file("x"), 0o644, 0));
    assert_eq!(cache.find(&Key::of(&other, 0, Codec::Gzip), &layout), None);
    assert!(!cache.has_shape(&Key::of(&other, 0, Codec::Gzip)));
    assert_eq!(cache.find(&Key::of(&tree(), 1, Codec::Gzip), &layout), None);

    let touched = Key::of(&tree(), 0, Codec::Gzip);
    assert!(cache.has_shape(&touched));
    assert_eq!(
        cache.find_content(&touched, &written.diff_id, &layout),
        Some(written.clone())
    );

    cache.save(false).unwrap();
    let mut cache = Cache::open(&layout.cache());
    assert_eq!(cache.find(&key, &layout), None);
    assert_eq!(
        cache.find_content(&key, &written.diff_id, &layout),
        Some(written.clone())
    );
    cache.save(true).unwrap();

    std::fs::remove_file(layout.blob(&written.descriptor.digest)).unwrap();
    assert_eq!(Cache::open(&layout.cache()).find(&key, &layout), None);
    drop(directory);
}

#[test]
fn sees_a_change_of_a_file_by_its_stamp() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let key = || {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        let content = Content {
            size: metadata.len(),
            source: Source::Host(path.clone(), crate::rootfs::node::Stamp::of(&metadata)),
        };
        let mut tree = Tree::default();
        tree.put("f", node(Kind::File(content), 0o644, 0));
        Key::of(&tree, 0, Codec::Gzip)
    };
    std::fs::write(&path, "one").unwrap();
    let before = key();
    assert_eq!(key(), before);
    // Another inode with the same size, as an editor or a compiler leaves it.
    std::fs::write(directory.path().join("g"), "two").unwrap();
    std::fs::rename(directory.path().join("g"), &path).unwrap();
    assert_ne!(key(), before);
}
