//! Dockerfiles and what comes of them: one text file each in `cases/`.
//!
//! A case is a list of files of the context, each after a line `--- PATH`, with `(MODE)` or `-> TARGET` if it is no
//! plain file; then `=== ARGUMENTS`, and what is expected: the layers' entries and the configuration, or the
//! message and the exit code. `UPDATE_EXPECTED=1` writes what was found.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::{build, image, layout, stderr};

#[test]
fn become_the_expected_images() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() > 20, "the cases are missing");
    let mut wrong = Vec::new();
    for path in names {
        let text = fs::read_to_string(&path).unwrap();
        let (input, expected) = split(&text);
        let found = run(input);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, format!("{input}{found}")).unwrap();
        } else if found != expected {
            let name = path.file_name().unwrap().display().to_string();
            wrong.push(format!("{name}\nexpected:\n{expected}\nfound:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is given, up to the line of the arguments, and what is expected.
fn split(text: &str) -> (&str, &str) {
    let at = text.find("\n=== ").expect("a case has a line of arguments") + 1;
    let end = text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1);
    text.split_at(end)
}

fn run(input: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let context = directory.path().join("context");
    fs::create_dir(&context).unwrap();
    let (files, arguments) = input.split_once("\n=== ").unwrap();
    for file in format!("\n{files}").split("\n--- ").skip(1) {
        // A mode that no image should show.
        write(&context, file, 0o600);
    }
    let output = build(&context)
        .arg("--quiet")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let shown = stderr(&output).replace(
        &context.canonicalize().unwrap().display().to_string(),
        "CONTEXT",
    );
    match output.status.code() {
        Some(0) => {
            let config = image::config(&layout(&context));
            let run = serde_json::to_string_pretty(&config["config"]).unwrap();
            format!("{shown}{}{run}\n", image::listing(&layout(&context)))
        }
        code => format!("{shown}exit code {}\n", code.unwrap()),
    }
}

/// Writes one file: its first line says which, and its mode if it is not the usual one.
pub(crate) fn write(context: &Path, file: &str, usual: u32) {
    let (heading, content) = file.split_once('\n').unwrap_or((file, ""));
    let (name, rest) = heading.split_once(' ').unwrap_or((heading, ""));
    let path = context.join(name.replace("%20", " "));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if let Some(target) = rest.strip_prefix("-> ") {
        return symlink(target, path).unwrap();
    }
    if name.ends_with('/') {
        return fs::create_dir_all(path).unwrap();
    }
    fs::write(&path, format!("{content}\n").trim_start_matches('\n')).unwrap();
    let mode = rest.trim_matches(['(', ')']);
    let mode = if mode.is_empty() {
        usual
    } else {
        u32::from_str_radix(mode, 8).unwrap()
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}
