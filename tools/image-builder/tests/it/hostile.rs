//! Contexts, archives and base images that mean harm: refused with the reason, and nothing is written anywhere but in
//! the layout.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::registry::Registry;
use crate::repository::{Entry, archive, put};
use crate::{build, failure, layout};

/// A directory with a file that must stay as it is, and a context beside it.
struct Ground {
    directory: tempfile::TempDir,
    context: PathBuf,
}

impl Ground {
    fn new(dockerfile: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let context = directory.path().join("context");
        fs::create_dir(&context).unwrap();
        fs::write(directory.path().join("victim"), "untouched").unwrap();
        fs::write(context.join("Dockerfile"), dockerfile).unwrap();
        Self { directory, context }
    }

    /// Everything outside of the layout, with its content.
    fn outside(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.directory.path().to_owned()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if path == layout(&self.context) {
                continue;
            }
            if metadata.is_dir() {
                waiting.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
            let state = if metadata.is_file() && metadata.len() < 1_000_000 {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            } else {
                format!("{:?} {}", metadata.file_type(), metadata.len())
            };
            found.insert(path, state);
        }
        found
    }

    /// It must fail with that message, and change nothing.
    fn refuses(&self, registry: Option<&Registry>, message: &str) {
        let before = self.outside();
        let mut command = build(&self.context);
        command.arg("--quiet");
        if let Some(registry) = registry {
            command.env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
        }
        let found = failure(&mut command, 1);
        assert!(
            found.contains(message),
            "expected: {message}\nfound: {found}"
        );
        assert_eq!(self.outside(), before);
        assert!(!layout(&self.context).join("index.json").exists());
    }
}

#[test]
fn refuses_contexts_that_lead_out() {
    let ground = Ground::new("FROM scratch\nCOPY link/victim /\n");
    symlink("..", ground.context.join("link")).unwrap();
    ground.refuses(
        None,
        "the symbolic link link leads to .., which is outside of the build context",
    );

    let ground = Ground::new("FROM scratch\nCOPY link /\n");
    symlink("../victim", ground.context.join("link")).unwrap();
    ground.refuses(
        None,
        "the symbolic link link leads to ../victim, which is outside of the build context",
    );

    // Absolute links begin at the context, as docker has it.
    let ground = Ground::new("FROM scratch\nCOPY link /\n");
    symlink("/etc/passwd", ground.context.join("link")).unwrap();
    ground.refuses(
        None,
        "link (a symbolic link leads it to etc/passwd) is not in the build context",
    );

    let ground = Ground::new("FROM scratch\nCOPY a/x /\n");
    symlink("b", ground.context.join("a")).unwrap();
    symlink("a", ground.context.join("b")).unwrap();
    ground.refuses(None, "leads in circles: too many symbolic links");
}

#[test]
fn refuses_what_no_image_can_have() {
    let ground = Ground::new("FROM scratch\nCOPY . /\n");
    let _socket = std::os::unix::net::UnixListener::bind(ground.context.join("socket")).unwrap();
    ground.refuses(
        None,
        "socket is a socket, which an image cannot have; leave it out with .dockerignore",
    );

    let ground = Ground::new("FROM scratch\nCOPY . /\n");
    fs::write(ground.context.join(".wh.victim"), "").unwrap();
    ground.refuses(None, "names that begin with .wh. delete files there");
}

/// An archive in the context, that ADD unpacks.
fn added(entries: &[Entry<'_>]) -> Ground {
    let ground = Ground::new("FROM scratch\nADD a.tar /d/\n");
    fs::write(ground.context.join("a.tar"), archive(entries)).unwrap();
    ground
}

#[test]
fn refuses_archives_that_lead_out() {
    for (entries, message) in [
        (
            vec![Entry::Raw("../victim", "x")],
            "the archive has the name \"../victim\", which leads out of it",
        ),
        (
            vec![Entry::Raw("a/../../victim", "x")],
            "the archive has the name \"a/../../victim\", which leads out of it",
        ),
        (
            vec![Entry::HardLink("a", "../victim")],
            "the archive's hard link a leads to victim, which is no file",
        ),
        (
            vec![Entry::HardLink("a", "/etc/passwd")],
            "the archive's hard link a leads to etc/passwd, which is no file",
        ),
        (
            vec![Entry::Device("null")],
            "d/null is a device, which an image cannot have",
        ),
    ] {
        added(&entries).refuses(None, message);
    }
    // An absolute name, and a way through a link, stay inside.
    let ground = added(&[
        Entry::Raw("/abs", "x"),
        Entry::Link("out", "../../../.."),
        Entry::Raw("out/through", "y"),
    ]);
    let before = ground.outside();
    crate::document(&mut build(&ground.context));
    assert_eq!(ground.outside(), before);
}

#[test]
fn refuses_bombs() {
    // 1.6 GB of zeros in 1.6 MB: the same member of a gzip file again and again.
    let ground = Ground::new("FROM scratch\nADD a.tar.gz /d/\n");
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut header = tar::Header::new_gnu();
    header.set_size(100 << 24);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.as_old_mut().name[..1].copy_from_slice(b"z");
    header.set_cksum();
    let zeros = packed(&vec![0; 1 << 24]);
    let bomb = [packed(header.as_bytes()), zeros.repeat(100)].concat();
    fs::write(ground.context.join("a.tar.gz"), bomb).unwrap();
    ground.refuses(None, "bytes, which looks like an attack");
}

/// A base image of one layer.
fn based(layer: Vec<u8>) -> (Ground, Registry) {
    let registry = Registry::start(&["base"]);
    put(&registry, "1", ("linux", "amd64"), &Value::Null, &[layer]);
    let ground = Ground::new(&format!(
        "FROM {}/base:1\nCOPY --from={0}/base:1 /x /y\n",
        registry.address
    ));
    (ground, registry)
}

#[test]
fn refuses_base_images_that_lead_out() {
    for (entries, message) in [
        (
            vec![Entry::Raw("../../victim", "x")],
            "the archive has the name \"../../victim\", which leads out of it",
        ),
        (
            vec![Entry::HardLink("x", "../../victim")],
            "the archive's hard link x leads to victim, which is no file",
        ),
        (
            vec![Entry::Device("x")],
            "x is a device, which an image cannot have",
        ),
        (vec![Entry::Link("x", "../../../victim")], "/x"),
    ] {
        let (ground, registry) = based(archive(&entries));
        ground.refuses(Some(&registry), message);
    }
}

#[test]
fn refuses_base_images_that_are_not_what_they_say() {
    let (ground, registry) = based(archive(&[Entry::File("x", "1")]));
    let digest = {
        let mut state = registry.state();
        let digest = state.manifests["base:1"].1.clone();
        let manifest: Value = serde_json::from_slice(&digest).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
        let length = state.blobs[&layer].len();
        state.blobs.insert(layer.clone(), vec![0; length]);
        layer
    };
    ground.refuses(Some(&registry), &format!("cannot fetch {digest}"));

    let blank = format!(
        "{{\"mediaType\":\"x\",\"digest\":\"sha256:{}\",\"size\":1}},",
        "0".repeat(64)
    );
    let many = format!("\"layers\":[{}", blank.repeat(600));
    // More layers than digests, and names of blobs that are paths.
    for (from, to, message) in [
        (
            "\"layers\":[{",
            "\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":1},{",
            "has 2 layers and the digests of 1",
        ),
        (
            "\"digest\":\"sha256:",
            "\"digest\":\"../../victim",
            "the image's manifest is malformed",
        ),
        (
            "\"layers\":[",
            many.as_str(),
            "the image has 601 layers, and 500 are the most that a runtime takes",
        ),
    ] {
        let (ground, registry) = based(archive(&[Entry::File("x", "1")]));
        {
            let mut state = registry.state();
            let (media_type, bytes) = state.manifests["base:1"].clone();
            let text = String::from_utf8(bytes).unwrap().replacen(from, to, 1);
            let bytes = text.into_bytes();
            let digest = crate::registry::digest(&bytes);
            state
                .manifests
                .insert("base:1".to_owned(), (media_type.clone(), bytes.clone()));
            state
                .manifests
                .insert(format!("base@{digest}"), (media_type, bytes));
        }
        ground.refuses(Some(&registry), message);
    }
}

#[test]
fn keeps_a_command_inside() {
    let Some(busybox) = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file())
    else {
        return println!("SKIPPED: no busybox-static on this machine");
    };
    let ground = Ground::new("");
    let victim = ground.directory.path().join("victim");
    fs::copy(busybox, ground.context.join("busybox")).unwrap();
    fs::write(
        ground.context.join("Dockerfile"),
        format!(
            "FROM scratch\nCOPY --chmod=755 busybox /bin/sh\nCOPY --chmod=755 busybox /bin/busybox\n\
             RUN --mount=target=/ctx echo x > {0} 2>/dev/null; echo x > /ctx/new 2>/dev/null; \
             /bin/busybox mount -o remount,rw /ctx 2>/dev/null; echo x > /ctx/Dockerfile 2>/dev/null; \
             /bin/busybox mknod /disk b 254 0 2>/dev/null; true\n",
            victim.display()
        ),
    )
    .unwrap();
    let before = ground.outside();
    let output = build(&ground.context).output().unwrap();
    let text = crate::stderr(&output);
    if text.contains("the embedded engine cannot RUN on this machine") {
        return println!("SKIPPED: {text}");
    }
    assert!(output.status.success(), "{text}");
    assert_eq!(ground.outside(), before);
}
