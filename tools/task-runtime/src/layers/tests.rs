use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

/// An entry of a hand-made archive: kind, path, link target or content.
type Item<'a> = (EntryType, &'a str, &'a str);

fn archive(items: &[Item<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, path, text) in items {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if *kind == EntryType::Directory {
            0o750
        } else {
            0o640
        });
        header.set_uid(0);
        header.set_gid(0);
        // Straight into the header: the builder itself would refuse what a hostile archive contains.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        let content = if *kind == EntryType::Regular {
            text.as_bytes()
        } else {
            &[]
        };
        if [EntryType::Symlink, EntryType::Link].contains(kind) {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("outside")).unwrap();
        Bench { directory }
    }

    fn layer(&self, number: usize, items: &[Item<'_>]) -> Layer {
        let bytes = archive(items);
        let blob = self.directory.path().join(format!("layer-{number}"));
        let mut encoder = GzEncoder::new(File::create(&blob).unwrap(), Level::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap();
        let diff_id = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        Layer {
            blob,
            compression: Compression::Gzip,
            diff_id,
        }
    }

    fn unpack(&self, layers: &[&[Item<'_>]]) -> Result<PathBuf, UnpackError> {
        let layers: Vec<Layer> = layers
            .iter()
            .enumerate()
            .map(|(number, items)| self.layer(number, items))
            .collect();
        unpack(
            &self.directory.path().join("cache"),
            &layers,
            Ids::Single,
            &Limits::default(),
        )
    }

    fn refuses(&self, items: &[Item<'_>], reason: &str) {
        let error = self.unpack(&[items]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(
            fs::read_dir(self.directory.path().join("cache"))
                .unwrap()
                .count(),
            0,
            "something was left"
        );
        assert_eq!(
            fs::read_dir(self.directory.path().join("outside"))
                .unwrap()
                .count(),
            0,
            "something got out"
        );
    }
}

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const LINK: EntryType = EntryType::Link;

#[test]
fn unpacks_files_directories_and_links() {
    let bench = Bench::new();
    let root = bench
        .unpack(&[&[
            (DIRECTORY, "etc/", ""),
            (FILE, "./etc/hosts", "hosts"),
            (SYMLINK, "etc/link", "/etc/hosts"),
            (LINK, "etc/hard", "etc/hosts"),
            (FILE, "/made/on/the/way", "x"),
        ]])
        .unwrap();
    assert_eq!(fs::read_to_string(root.join("etc/hosts")).unwrap(), "hosts");
    assert_eq!(
        fs::metadata(root.join("etc/hosts"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o640
    );
    assert_eq!(
        fs::metadata(root.join("etc")).unwrap().permissions().mode() & 0o7777,
        0o750
    );
    assert_eq!(
        fs::read_link(root.join("etc/link")).unwrap(),
        Path::new("/etc/hosts")
    );
    assert_eq!(
        fs::metadata(root.join("etc/hard")).unwrap().ino(),
        fs::metadata(root.join("etc/hosts")).unwrap().ino()
    );
    assert_eq!(
        fs::read_to_string(root.join("made/on/the/way")).unwrap(),
        "x"
    );
}

#[test]
fn unpacks_an_image_only_once() {
    let bench = Bench::new();
    let layers: &[&[Item<'_>]] = &[&[(FILE, "a", "1")]];
    let first = bench.unpack(layers).unwrap();
    fs::write(first.join("mark"), "").unwrap();
    assert!(bench.unpack(layers).unwrap().join("mark").exists());
}

#[test]
fn lets_a_layer_delete_what_is_below_it_and_nothing_of_its_own() {
    let bench = Bench::new();
    let root = bench
        .unpack(&[
            &[
                (FILE, "a/old", "1"),
                (FILE, "a/kept", "1"),
                (FILE, "b/old", "1"),
                (FILE, "c/x/y", "1"),
                (FILE, "d", "1"),
            ],
            &[
                (FILE, "a/.wh.old", ""),
                (FILE, "b/new", "2"),
                (FILE, "b/.wh..wh..opq", ""),
                (FILE, ".wh.c", ""),
                (DIRECTORY, "d/", ""),
                (FILE, "d/e", "2"),
            ],
        ])
        .unwrap();
    let names = |path: &str| {
        let mut names: Vec<String> = fs::read_dir(root.join(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["a", "b", "d"]);
    assert_eq!(names("a"), ["kept"]);
    assert_eq!(names("b"), ["new"]);
    assert_eq!(names("d"), ["e"]);
}

#[test]
fn follows_links_only_inside() {
    let bench = Bench::new();
    let root = bench
        .unpack(&[&[
            (SYMLINK, "out", "../../../outside"),
            (FILE, "out/file", "x"),
        ]])
        .unwrap();
    assert_eq!(fs::read_to_string(root.join("outside/file")).unwrap(), "x");
    assert_eq!(
        fs::read_dir(bench.directory.path().join("outside"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn refuses_what_leads_out() {
    let bench = Bench::new();
    bench.refuses(&[(FILE, "../outside/x", "x")], "its path leads upwards");
    bench.refuses(
        &[(FILE, "a/../../outside/x", "x")],
        "its path leads upwards",
    );
    bench.refuses(&[(LINK, "a", "../outside")], "its path leads upwards");
    bench.refuses(&[(LINK, "a", "/etc/passwd")], "a: ");
    bench.refuses(&[(FILE, ".wh...", "")], "a whiteout of nothing");
}

#[test]
fn leaves_devices_out() {
    let bench = Bench::new();
    let root = bench
        .unpack(&[&[
            (EntryType::Char, "dev/null", ""),
            (EntryType::Fifo, "pipe", ""),
            (FILE, "a", ""),
        ]])
        .unwrap();
    assert!(
        !root.join("dev/null").exists() && !root.join("pipe").exists() && root.join("a").exists()
    );
}

#[test]
fn refuses_another_content_than_promised() {
    let bench = Bench::new();
    let mut layer = bench.layer(0, &[(FILE, "a", "1")]);
    layer.diff_id = format!("sha256:{}", "0".repeat(64));
    let cache = bench.directory.path().join("cache");
    let error = unpack(&cache, &[layer], Ids::Single, &Limits::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("its content is sha256:"), "{error}");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn refuses_bombs() {
    let bench = Bench::new();
    let limits = Limits {
        bytes: 4_096,
        entries: 3,
        ratio: 200,
    };
    let cache = bench.directory.path().join("cache");
    let large = bench.layer(0, &[(FILE, "a", &"0".repeat(8_192))]);
    let error = unpack(&cache, &[large], Ids::Single, &limits)
        .unwrap_err()
        .to_string();
    assert!(error.contains("a decompression bomb"), "{error}");
    let many = bench.layer(
        1,
        &[
            (DIRECTORY, "a", ""),
            (DIRECTORY, "b", ""),
            (DIRECTORY, "c", ""),
            (DIRECTORY, "d", ""),
        ],
    );
    let error = unpack(&cache, &[many], Ids::Single, &limits)
        .unwrap_err()
        .to_string();
    assert!(error.contains("it has more than 3 entries"), "{error}");
}
