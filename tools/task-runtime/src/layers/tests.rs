use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
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
        header.set_mtime(1_700_000_000);
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
        self.packed(number, &archive(items))
    }

    fn packed(&self, number: usize, bytes: &[u8]) -> Layer {
        let blob = self.directory.path().join(format!("layer-{number}"));
        let mut encoder = GzEncoder::new(File::create(&blob).unwrap(), Level::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        let diff_id = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        Layer {
            blob,
            compression: Compression::Gzip,
            diff_id,
        }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    /// How many file systems the cache holds, and whatever else was left there.
    fn kept(&self) -> usize {
        let names = fs::read_dir(self.cache()).unwrap();
        names
            .filter(|entry| entry.as_ref().unwrap().file_name() != LOCK_FILE)
            .count()
    }

    fn unpack_packed(&self, bytes: &[u8]) -> Result<PathBuf, UnpackError> {
        unpack(
            &self.cache(),
            &[self.packed(0, bytes)],
            Ids::Single,
            &Limits::default(),
        )
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
        // Nothing but the file system without any layer.
        assert_eq!(self.kept(), 1, "something was left");
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
    for path in ["etc/hosts", "etc"] {
        assert_eq!(
            fs::metadata(root.join(path)).unwrap().mtime(),
            1_700_000_000,
            "{path}"
        );
    }
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
    assert_eq!(bench.kept(), 1);
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

#[test]
fn keeps_names_that_are_not_utf8_and_long_ones() {
    let bench = Bench::new();
    let mut builder = Builder::new(Vec::new());
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    for name in [OsStr::from_bytes(b"caf\xe9"), OsStr::new(&long)] {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(0);
        builder.append_data(&mut header, name, &[][..]).unwrap();
    }
    let root = bench.unpack_packed(&builder.into_inner().unwrap()).unwrap();
    assert!(root.join(OsStr::from_bytes(b"caf\xe9")).exists() && root.join(long).exists());
}

#[test]
fn refuses_names_and_attributes_that_would_fill_the_memory() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(8 << 20);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(512 + (8 << 20), b'x');
        let error = Bench::new().unpack_packed(&bytes).unwrap_err().to_string();
        assert!(
            error.ends_with("a file name or attribute of absurd size"),
            "{error}"
        );
    }
}

#[test]
fn refuses_a_file_that_is_larger_than_its_content() {
    // Whatever it is called, a whiteout or the root itself included.
    for name in ["sparse", ".wh.sparse", "", "."] {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_size(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let claims = header.as_gnu_mut().unwrap();
        claims.set_real_size(1 << 60);
        claims.sparse[0].set_offset(1 << 60);
        claims.sparse[0].set_length(0);
        claims.set_is_extended(false);
        header.set_cksum();
        let mut builder = Builder::new(Vec::new());
        builder.append(&header, &[][..]).unwrap();
        let error = Bench::new()
            .unpack_packed(&builder.into_inner().unwrap())
            .unwrap_err();
        assert!(error.to_string().ends_with(": a sparse file"), "{error}");
    }
}

#[test]
fn gives_no_mode_to_what_a_link_that_came_later_leads_to() {
    let bench = Bench::new();
    let outside = bench.directory.path().join("outside");
    fs::create_dir(outside.join("victim")).unwrap();
    fs::set_permissions(outside.join("victim"), Permissions::from_mode(0o700)).unwrap();
    let target = outside.to_str().unwrap();
    let root = bench
        .unpack(&[&[
            (DIRECTORY, "a", ""),
            (DIRECTORY, "a/victim", ""),
            (SYMLINK, "a", target),
        ]])
        .unwrap();
    assert_eq!(fs::read_link(root.join("a")).unwrap(), outside);
    let mode = fs::metadata(outside.join("victim"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn lends_no_rights_of_an_ordinary_user() {
    let mut header = Header::new_gnu();
    let mut builder = Builder::new(Vec::new());
    header.set_mtime(0);
    header.set_mode(0o6755);
    header.set_size(0);
    builder.append_data(&mut header, "suid", &[][..]).unwrap();
    header.set_mode(0o055);
    header.set_entry_type(DIRECTORY);
    builder.append_data(&mut header, "closed", &[][..]).unwrap();
    let bench = Bench::new();
    let root = bench.unpack_packed(&builder.into_inner().unwrap()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&root.join("suid")), 0o755);
    assert_eq!(mode(&root.join("closed")), 0o755);
    assert_eq!(mode(&bench.cache()), 0o700);
}

#[test]
fn shares_the_layers_that_two_images_begin_with() {
    let bench = Bench::new();
    let base: &[Item<'_>] = &[
        (DIRECTORY, "lib", ""),
        (FILE, "lib/a", "1"),
        (FILE, "lib/b", "1"),
    ];
    let first = bench.unpack(&[base, &[(FILE, "app", "1")]]).unwrap();
    let second = bench
        .unpack(&[base, &[(FILE, "app", "2"), (FILE, "lib/b", "2")]])
        .unwrap();
    let inode = |root: &Path, path: &str| fs::metadata(root.join(path)).unwrap().ino();
    assert_eq!(inode(&first, "lib/a"), inode(&second, "lib/a"));
    assert_eq!(fs::read_to_string(first.join("lib/b")).unwrap(), "1");
    assert_eq!(fs::read_to_string(second.join("lib/b")).unwrap(), "2");
    assert!(!first.join("lib/new").exists());
    // Nothing, the base, and one for each application.
    assert_eq!(bench.kept(), 4);
    assert_eq!(
        fs::metadata(second.join("lib")).unwrap().mtime(),
        1_700_000_000
    );
}

#[test]
fn clears_what_a_killed_process_left() {
    let bench = Bench::new();
    fs::create_dir_all(bench.cache().join(UNFINISHED).join("half")).unwrap();
    let root = bench.unpack(&[&[(FILE, "a", "1")]]).unwrap();
    assert!(root.join("a").exists() && !root.join("half").exists());
}

#[test]
fn unpacks_once_for_many_at_a_time() {
    let bench = Bench::new();
    let layers = [bench.layer(0, &[(FILE, "a", "1")])];
    let roots: Vec<PathBuf> = std::thread::scope(|scope| {
        let unpacking =
            || unpack(&bench.cache(), &layers, Ids::Single, &Limits::default()).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(unpacking)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        roots
            .iter()
            .all(|root| *root == roots[0] && root.join("a").exists())
    );
    assert_eq!(bench.kept(), 2);
}

#[test]
fn lets_the_caller_bring_a_decompressor() {
    let bench = Bench::new();
    let mut layer = bench.layer(0, &[(FILE, "a", "1")]);
    layer.compression = Compression::Other(|file| Ok(Box::new(flate2::read::GzDecoder::new(file))));
    let root = unpack(&bench.cache(), &[layer], Ids::Single, &Limits::default()).unwrap();
    assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "1");
}
