use super::account::owner;
use super::copy::{Request, copy, gather};
use super::node::{Content, Kind, Node, Source};
use super::overlay::Overlay;
use super::tree::Tree;
use super::view::View;

fn node(kind: Kind) -> Node {
    Node {
        kind,
        mode: 0o644,
        uid: 1,
        gid: 2,
        attributes: Vec::new(),
    }
}

fn file(text: &str) -> Node {
    node(Kind::File(Content {
        size: text.len() as u64,
        source: Source::Text(text.into()),
    }))
}

/// A tree of directories (`a/`), links (`a -> b`) and files.
fn tree(lines: &[&str]) -> Tree {
    let mut tree = Tree::default();
    for line in lines {
        if let Some((path, target)) = line.split_once(" -> ") {
            tree.put(path, node(Kind::Link(target.to_owned())));
        } else if let Some(path) = line.strip_suffix('/') {
            tree.put(path, node(Kind::Directory));
        } else {
            tree.put(line, file(line));
        }
    }
    tree
}

fn paths(tree: &Tree) -> Vec<String> {
    tree.iter().map(|(path, _)| path.clone()).collect()
}

#[test]
fn replaces_what_was_below_a_path() {
    let mut tree = tree(&["a/", "a/b/", "a/b/c", "a-b", "a0"]);
    assert_eq!(tree.names("a"), ["b"]);
    assert_eq!(tree.names(""), ["a", "a-b", "a0"]);
    tree.put("a/b", node(Kind::Directory));
    assert_eq!(paths(&tree), ["a", "a-b", "a/b", "a/b/c", "a0"]);
    tree.put("a", file("x"));
    assert_eq!(paths(&tree), ["a", "a-b", "a0"]);
    tree.remove("a");
    assert_eq!(paths(&tree), ["a-b", "a0"]);
}

#[test]
fn follows_links_inside_the_root() {
    let tree = tree(&[
        "usr/",
        "usr/lib/",
        "lib -> usr/lib",
        "abs -> /lib",
        "up -> ../../usr",
        "loop -> loop2",
        "loop2 -> loop",
    ]);
    let view = View::Tree(&tree);
    for (path, expected) in [
        ("lib/x", "usr/lib/x"),
        ("abs/x/../y", "usr/lib/y"),
        ("up/lib", "usr/lib"),
        ("../../usr", "usr"),
        ("none/x", "none/x"),
        ("", ""),
    ] {
        assert_eq!(view.resolve(path).unwrap(), expected, "{path}");
    }
    assert_eq!(
        view.resolve("loop").unwrap_err().to_string(),
        "loop leads in circles: too many symbolic links"
    );
}

#[test]
fn lists_the_directories_that_lead_to_what_is_added() {
    let base = tree(&["a/", "a/b/", "other/", "l -> a"]);
    let mut overlay = Overlay::new(&base);
    let target = overlay.resolve("l/b/c").unwrap();
    overlay.make_directories("a/b/new", 7, 8).unwrap();
    overlay.put(&target, file("x")).unwrap();
    assert_eq!(
        overlay.into_layer().listing(),
        [
            "0644 1:2 a/",
            "0644 1:2 a/b/",
            "0644 1:2 a/b/c 1",
            "0755 7:8 a/b/new/"
        ]
    );
}

#[test]
fn copies_a_whole_file_system() {
    let source = tree(&["d/", "d/f", "l -> d"]);
    let request = Request {
        texts: Vec::new(),
        destination: "/".to_owned(),
        owner: None,
        mode: Some(0o600),
        unpacks: false,
    };
    let items = gather(View::Tree(&source), &["/".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let archives = super::archive::Store::create(directory.path().to_owned()).unwrap();
    let layer = copy(&request, items, &Tree::default(), &archives).unwrap();
    assert_eq!(
        layer.listing(),
        ["0600 1:2 d/", "0600 1:2 d/f 3", "0644 1:2 l -> d"]
    );
}

#[test]
fn finds_accounts_by_name_and_number() {
    let mut tree = tree(&["etc/", "etc/passwd -> ../run/passwd", "run/"]);
    tree.put(
        "run/passwd",
        file("root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:\nbroken:x:a\n"),
    );
    tree.put("etc/group", file("staff:x:50:app\n"));
    for (text, expected) in [
        ("0", (0, 0)),
        ("12", (12, 12)),
        ("12:13", (12, 13)),
        ("app", (1000, 1001)),
        ("app:", (1000, 1001)),
        ("app:staff", (1000, 50)),
        ("1:staff", (1, 50)),
    ] {
        assert_eq!(owner(text, &tree).unwrap(), expected, "{text}");
    }
    for (text, expected) in [
        (
            "nobody",
            "/etc/passwd of the image has no \"nobody\"; use a number",
        ),
        (
            "app:nogroup",
            "/etc/group of the image has no \"nogroup\"; use a number",
        ),
        ("broken", "the entry of \"broken\" has no number"),
    ] {
        assert_eq!(owner(text, &tree).unwrap_err().to_string(), expected);
    }
}

#[test]
fn refuses_a_file_that_changes_while_it_is_copied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    std::fs::write(&path, "one").unwrap();
    let stamp = super::node::Stamp::of(&std::fs::symlink_metadata(&path).unwrap());
    let content = Content {
        size: 3,
        source: Source::Host(path.clone(), stamp),
    };
    content.copy_to(&mut Vec::new()).unwrap();
    // A link takes its place: what it leads to must not be read.
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
    let error = content.copy_to(&mut Vec::new()).unwrap_err();
    assert_eq!(
        error.root_cause().to_string(),
        format!("{} changed while the image was built", path.display())
    );
}
