//! Images to build on: from a registry, well-meaning or not.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::registry::Registry;
use crate::repository::{Entry, archive, gzip, put, put_index};
use crate::{build, document, failure, image, layout};

const AMD64: (&str, &str) = ("linux", "amd64");

fn project(directory: &Path, registry: &Registry, dockerfile: &str) -> PathBuf {
    let context = directory.join("context");
    std::fs::create_dir_all(&context).unwrap();
    let dockerfile = dockerfile.replace("BASE", &format!("{}/base", registry.address));
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    std::fs::write(context.join("a"), "a\n").unwrap();
    context
}

fn at(context: &Path, registry: &Registry) -> Command {
    let mut command = build(context);
    command.env("AWS_ENDPOINT_URL", format!("http://{}", registry.address));
    command
}

/// Builds on an image of these layers, and gives what a refusal says.
fn refused(layers: &[Vec<u8>], dockerfile: &str) -> String {
    let registry = Registry::start(&["base"]);
    put(&registry, "1", AMD64, &Value::Null, layers);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, dockerfile);
    let message = failure(at(&context, &registry).arg("--quiet"), 1);
    message.trim_end().to_owned()
}

#[test]
fn builds_on_the_image_for_the_platform() {
    let registry = Registry::start(&["base"]);
    let run = json!({"Env": ["PATH=/base/bin", "B=1"], "WorkingDir": "/srv", "Cmd": ["/base"], "User": "3"});
    let layer = archive(&[
        Entry::Directory("usr/", 0o755),
        Entry::Directory("usr/lib/", 0o711),
        Entry::Link("lib", "usr/lib"),
    ]);
    let amd = put(&registry, "amd", AMD64, &run, std::slice::from_ref(&layer));
    let arm = put(&registry, "arm", ("linux", "arm64"), &run, &[]);
    put_index(
        &registry,
        "1",
        &[
            ("unknown", "unknown", arm.clone()),
            ("linux", "arm64", arm),
            ("linux", "amd64", amd),
        ],
    );
    let directory = tempfile::tempdir().unwrap();
    let dockerfile = "FROM BASE:1\nENV PATH=/x:$PATH\nCOPY a /lib/\nCOPY a .\n";
    let context = project(directory.path(), &registry, dockerfile);
    document(&mut at(&context, &registry));
    assert_eq!(
        image::listing(&layout(&context)),
        "[base]\n\
         @1234567 0755 3:4 usr/\n\
         @1234567 0711 3:4 usr/lib/\n\
         @1234567 0640 3:4 lib -> usr/lib\n\
         [COPY a /lib/]\n\
         0755 3:4 usr/\n\
         0711 3:4 usr/lib/\n\
         0644 0:0 usr/lib/a \"a\\n\"\n\
         [COPY a .]\n\
         0755 0:0 srv/\n\
         0644 0:0 srv/a \"a\\n\"\n"
    );
    let config = image::config(&layout(&context));
    assert_eq!(
        config["config"],
        json!({"User": "3", "Env": ["PATH=/x:/base/bin", "B=1"], "Cmd": ["/base"], "WorkingDir": "/srv"})
    );
    // The base's blob is passed on as it is, under OCI's name for its type.
    let manifest = image::manifest(&layout(&context));
    assert_eq!(
        manifest["layers"][0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    assert_eq!(manifest["layers"][0]["size"], gzip(&layer).len());
}

#[test]
fn fetches_nothing_twice() {
    let registry = Registry::start(&["base"]);
    let layer = archive(&[Entry::File("x", "x")]);
    put(&registry, "1", AMD64, &Value::Null, &[layer]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM BASE:1\nCOPY a /\n");
    let first = document(&mut at(&context, &registry));
    let later = |registry: &Registry| {
        registry.take_log();
        let found = document(&mut at(&context, registry));
        let log: Vec<String> = registry
            .take_log()
            .into_iter()
            .filter(|line| line != "GetAuthorizationToken")
            .collect();
        // What the tag means now is asked for, first without and then with the password.
        assert_eq!(
            log,
            ["HEAD /v2/base/manifests/1", "HEAD /v2/base/manifests/1"]
        );
        found
    };
    let again = later(&registry);
    assert_eq!(
        (&again["outcome"], &again["digest"]),
        (&"reused".into(), &first["digest"])
    );
    // Another layer on the same base needs nothing from the registry either.
    std::fs::write(context.join("a"), "changed").unwrap();
    assert_eq!(later(&registry)["outcome"], "built");
}

#[test]
fn copies_out_of_images_as_their_layers_leave_them() {
    let registry = Registry::start(&["base"]);
    let lower = archive(&[
        Entry::File("./d/gone", "1"),
        Entry::File("d/kept", "2"),
        Entry::File("opaque/old", "3"),
        Entry::File("x", "4"),
        Entry::Directory("x2/", 0o755),
        Entry::File("x2/y", "5"),
    ]);
    let upper = archive(&[
        Entry::File("d/.wh.gone", ""),
        Entry::File("opaque/new", "6"),
        Entry::File("opaque/.wh..wh..opq", ""),
        Entry::HardLink("hard", "d/kept"),
        Entry::Link("sym", "d"),
        Entry::File("x2", "7"),
    ]);
    put(&registry, "1", AMD64, &Value::Null, &[lower, upper]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(
        directory.path(),
        &registry,
        "FROM BASE:1 AS b\nFROM scratch\nCOPY --from=b / /all/\nCOPY --from=BASE:1 --chown=9 /sym/kept /h* /few/\n",
    );
    document(&mut at(&context, &registry));
    assert_eq!(
        image::listing(&layout(&context)),
        "[COPY --from=b / /all/]\n\
         0755 0:0 all/\n\
         0755 0:0 all/d/\n\
         0640 3:4 all/d/kept \"2\"\n\
         0640 3:4 all/hard = all/d/kept\n\
         0755 0:0 all/opaque/\n\
         0640 3:4 all/opaque/new \"6\"\n\
         0640 3:4 all/sym -> d\n\
         0640 3:4 all/x \"4\"\n\
         0640 3:4 all/x2 \"7\"\n\
         [COPY --from=BASE:1 --chown=9 /sym/kept /h* /few/]\n"
            .replace("BASE", &format!("{}/base", registry.address))
            + "0755 9:9 few/\n\
               0640 9:9 few/hard \"2\"\n\
               0640 9:9 few/kept \"2\"\n"
    );
}

#[test]
fn keeps_the_extended_attributes_of_images() {
    let registry = Registry::start(&["base"]);
    let layer = archive(&[
        Entry::Capable("ping", "security.capability", &[1, 0, 2, 255]),
        Entry::Capable("odd", "user.line", b"a\nb"),
    ]);
    put(&registry, "1", AMD64, &Value::Null, &[layer]);
    let directory = tempfile::tempdir().unwrap();
    let dockerfile = "FROM BASE:1 AS b\nFROM scratch\nCOPY --from=b /ping /\n";
    let context = project(directory.path(), &registry, dockerfile);
    document(&mut at(&context, &registry));
    assert_eq!(
        image::listing(&layout(&context)),
        "[COPY --from=b /ping /]\n0640 3:4 ping \"\" SCHILY.xattr.security.capability=[1, 0, 2, 255]\n"
    );
    // What cannot be read is not dropped in silence.
    let context = project(
        directory.path(),
        &registry,
        &dockerfile.replace("ping", "odd"),
    );
    let message = failure(at(&context, &registry).arg("--quiet"), 1);
    assert!(
        message.contains(
            "/odd is a file with attributes that cannot be read, which an image cannot have"
        ),
        "{message}"
    );
}

#[test]
fn fetches_a_token_where_the_registry_wants_one() {
    let registry = Registry::start(&["base"]);
    registry.state().wants_bearer = true;
    put(&registry, "1", AMD64, &Value::Null, &[]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM BASE:1\nCOPY a /\n");
    document(&mut at(&context, &registry));
    assert!(registry.take_log().contains(&"GET /token".to_owned()));
}

#[test]
fn uses_what_it_has_where_the_registry_is_away() {
    let registry = Registry::start(&["base"]);
    put(&registry, "1", AMD64, &Value::Null, &[]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM BASE:1\nCOPY a /\n");
    let first = document(&mut at(&context, &registry));
    registry.state().failures = vec![("HEAD /v2/base/manifests/", 503); 9];
    let output = at(&context, &registry).arg("--quiet").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("warning: cannot ask for ") && text.contains("the last time (sha256:"),
        "{text}"
    );
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(again["digest"], first["digest"]);
}

#[test]
fn explains_images_that_cannot_be_used() {
    let registry = Registry::start(&["base"]);
    let arm = put(&registry, "arm", ("linux", "arm64"), &Value::Null, &[]);
    put_index(&registry, "index", &[("linux", "arm64", arm)]);
    let directory = tempfile::tempdir().unwrap();
    let name = format!("{}/base", registry.address);
    for (dockerfile, code, expected) in [
        (
            "FROM BASE:none\n",
            1,
            format!("error: Dockerfile:1: there is no image {name}:none"),
        ),
        (
            "FROM BASE:index\n",
            1,
            format!(
                "error: Dockerfile:1: cannot use {name}: it has no image for linux/amd64, only for linux/arm64"
            ),
        ),
        (
            "FROM BASE:arm\n",
            1,
            format!("error: Dockerfile:1: {name} is for linux/arm64, and linux/amd64 is needed"),
        ),
    ] {
        let context = project(directory.path(), &registry, dockerfile);
        let message = failure(
            at(&context, &registry).args(["--quiet", "--dockerfile", "Dockerfile"]),
            code,
        );
        assert_eq!(message.trim_end(), expected);
    }
}

#[test]
fn refuses_content_that_is_not_what_its_digest_says() {
    let registry = Registry::start(&["base"]);
    let layer = archive(&[Entry::File("x", "good")]);
    put(
        &registry,
        "1",
        AMD64,
        &Value::Null,
        std::slice::from_ref(&layer),
    );
    let evil = gzip(&archive(&[Entry::File("x", "evil")]));
    let digest = crate::registry::digest(&gzip(&layer));
    registry.state().blobs.insert(digest.clone(), evil);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM BASE:1\nCOPY a /\n");
    let message = failure(at(&context, &registry).arg("--quiet"), 1);
    assert!(message.contains(&digest), "{message}");
    assert!(
        message.contains("the registry sent other content")
            || message.contains("the connection was cut"),
        "{message}"
    );
}

#[test]
fn refuses_hostile_layers() {
    let dockerfile = "FROM BASE:1\nCOPY a /\n";
    for (layer, expected) in [
        (
            archive(&[Entry::Raw("../../etc/cron.d/x", "x")]),
            "the archive has the name \"../../etc/cron.d/x\", which leads out of it",
        ),
        (
            archive(&[Entry::HardLink("passwd", "/etc/passwd")]),
            "the archive's hard link passwd leads to etc/passwd, which is no file",
        ),
        (
            archive(&[
                Entry::Link("a", "b"),
                Entry::Link("b", "a"),
                Entry::File("a/x", ""),
            ]),
            "a leads in circles: too many symbolic links",
        ),
        (b"this is no archive".repeat(100), "the archive is damaged"),
    ] {
        let message = refused(&[layer], dockerfile);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn keeps_links_of_a_layer_inside_of_it() {
    let registry = Registry::start(&["base"]);
    let layer = archive(&[
        Entry::Link("out", "../../../../../../tmp"),
        Entry::File("out/x", "stays inside"),
        Entry::Link("etc", "/"),
    ]);
    put(&registry, "1", AMD64, &Value::Null, &[layer]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(
        directory.path(),
        &registry,
        "FROM BASE:1 AS b\nFROM scratch\nCOPY --from=b /out/x /etc/tmp/x /got/\n",
    );
    document(&mut at(&context, &registry));
    let listing = image::listing(&layout(&context));
    assert!(
        listing.ends_with("0640 3:4 got/x \"stays inside\"\n"),
        "{listing}"
    );
}

#[test]
fn refuses_to_copy_a_device() {
    let layer = archive(&[Entry::Device("dev/null"), Entry::File("x", "")]);
    for source in ["/dev", "/dev/null"] {
        let message = refused(
            std::slice::from_ref(&layer),
            &format!("FROM BASE:1 AS b\nFROM scratch\nCOPY --from=b {source} /\n"),
        );
        assert!(
            message.contains("dev/null is a device, which an image cannot have"),
            "{message}"
        );
    }
}

#[test]
fn unpacks_local_archives() {
    let registry = Registry::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(
        directory.path(),
        &registry,
        "FROM scratch\nADD plain.tar packed.tar.gz /un\nADD --chown=7 plain.tar /own/\nADD fake.tar.gz a /un/\nCOPY plain.tar /kept\n",
    );
    let plain = archive(&[
        Entry::Directory("d/", 0o700),
        Entry::File("d/f", "f"),
        Entry::Link("d/l", "f"),
        Entry::HardLink("d/h", "d/f"),
    ]);
    std::fs::write(context.join("plain.tar"), &plain).unwrap();
    std::fs::write(
        context.join("packed.tar.gz"),
        gzip(&archive(&[Entry::File("g", "g")])),
    )
    .unwrap();
    std::fs::write(context.join("fake.tar.gz"), "not an archive").unwrap();
    let message = failure(at(&context, &registry).arg("--quiet"), 1);
    assert_eq!(
        message,
        "error: ./Dockerfile:2: several files are copied, so that the destination must be a directory: write /un/\n"
    );
    let text = std::fs::read_to_string(context.join("Dockerfile"))
        .unwrap()
        .replace("/un\n", "/un/\n");
    std::fs::write(
        context.join("Dockerfile"),
        text.replace("COPY plain.tar /kept\n", ""),
    )
    .unwrap();
    document(&mut at(&context, &registry));
    assert_eq!(
        image::listing(&layout(&context)),
        "[ADD plain.tar packed.tar.gz /un/]\n\
         0755 0:0 un/\n\
         0700 3:4 un/d/\n\
         0640 3:4 un/d/f \"f\"\n\
         0640 3:4 un/d/h = un/d/f\n\
         0640 3:4 un/d/l -> f\n\
         0640 3:4 un/g \"g\"\n\
         [ADD --chown=7 plain.tar /own/]\n\
         0755 7:7 own/\n\
         0700 7:7 own/d/\n\
         0640 7:7 own/d/f \"f\"\n\
         0640 7:7 own/d/h = own/d/f\n\
         0640 7:7 own/d/l -> f\n\
         [ADD fake.tar.gz a /un/]\n\
         0755 0:0 un/\n\
         0644 0:0 un/a \"a\\n\"\n\
         0644 0:0 un/fake.tar.gz \"not an archive\"\n"
    );
}

#[test]
fn refuses_archives_it_must_not_unpack() {
    let registry = Registry::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM scratch\nADD x /un/\n");
    for (content, expected) in [
        (
            archive(&[Entry::Raw("a/../../x", "x")]),
            "the archive has the name \"a/../../x\", which leads out of it",
        ),
        (
            archive(&[Entry::Device("zero")]),
            "zero is a device, which an image cannot have",
        ),
        (
            archive(&[Entry::File(".wh.x", "")]),
            "names that begin with .wh. delete files there",
        ),
    ] {
        std::fs::write(context.join("x"), content).unwrap();
        let message = failure(at(&context, &registry).arg("--quiet"), 1);
        assert!(
            message.starts_with("error: ./Dockerfile:2: ") && message.contains(expected),
            "{message}"
        );
    }
}

#[test]
fn does_what_the_base_leaves_for_those_who_build_on_it() {
    let registry = Registry::start(&["base"]);
    let run = json!({"OnBuild": ["COPY a /from-base", "ENV X=1", "COPY --from=other a /"]});
    put(&registry, "bad", AMD64, &run, &[]);
    let run = json!({"OnBuild": ["COPY a /from-base", "ENV X=1"]});
    put(&registry, "good", AMD64, &run, &[]);
    let directory = tempfile::tempdir().unwrap();
    let context = project(directory.path(), &registry, "FROM BASE:good\nENV Y=$X\n");
    document(&mut at(&context, &registry));
    assert_eq!(
        image::listing(&layout(&context)),
        "[COPY a /from-base]\n0644 0:0 from-base \"a\\n\"\n"
    );
    let config = image::config(&layout(&context));
    assert_eq!(config["config"]["Env"], json!(["X=1", "Y=1"]));
    assert_eq!(config["config"]["OnBuild"], Value::Null);
    let context = project(directory.path(), &registry, "FROM BASE:bad\n");
    assert_eq!(
        failure(at(&context, &registry).arg("--quiet"), 2).trim_end(),
        "error: ./Dockerfile:1: ONBUILD of the base image takes files from other; the build context is all that it can take them from"
    );
}

#[test]
fn unpacks_what_xz_and_bzip2_and_zstd_have_packed() {
    use base64::Engine as _;
    let registry = Registry::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let dockerfile = "FROM scratch\nADD a.tar.xz /xz/\nADD a.tar.bz2 /bz2/\nADD a.tar.zst /zst/\n";
    let context = project(directory.path(), &registry, dockerfile);
    // A tar archive of the file `f`, by GNU tar, xz and bzip2.
    for (name, text) in [
        (
            "a.tar.xz",
            "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AGVdADMAM1AYaImDAdzibiEFVzU4EMnOeVhUbpIBwGmUJCsv/BnN58FUqOi2J1bZIskO8vEZR+FM\
             rhoZaLJirQ3y244ia5Pf3F+vybr+YFyG3nntUntykuVsMgiMTeCGYd9T98lRNGcAAAAAAOA/mBKbEdw6AAGBAYBQAACbojyqscRn+wIAAAAABFla",
        ),
        (
            "a.tar.bz2",
            "QlpoOTFBWSZTWcduaJUAAHh7kMmAAEJAAGcAAADjRJ4ABAAACCAAVCSoyBo08oDT1BJKbRDJkA0Fz7icYIQdySEh3qxa9IyQIYTBbaCEbu1wpHBr\
             i8sE/nMe2HOizNEyI3SQfi7kinChIY7c0So=",
        ),
    ] {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        std::fs::write(context.join(name), bytes.unwrap()).unwrap();
    }
    let packed = zstd::encode_all(archive(&[Entry::File("f", "hello")]).as_slice(), 3).unwrap();
    std::fs::write(context.join("a.tar.zst"), packed).unwrap();
    document(&mut at(&context, &registry));
    let listing = image::listing(&layout(&context));
    for file in ["xz/f", "bz2/f", "zst/f"] {
        assert!(
            listing.contains(&format!(" {file} \"hello\"\n")),
            "{listing}"
        );
    }
}
