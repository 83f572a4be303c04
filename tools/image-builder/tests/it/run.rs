//! RUN in the embedded task runtime, with nothing but a statically linked busybox.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{build, document, failure, image, layout, stderr};

/// A context with busybox; or the reason to skip: no busybox, or no namespaces.
fn context(directory: &Path, dockerfile: &str) -> Result<PathBuf, String> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file());
    let Some(busybox) = busybox else {
        return Err("no busybox-static on this machine".to_owned());
    };
    let context = directory.join("context");
    fs::create_dir_all(&context).unwrap();
    fs::copy(busybox, context.join("busybox")).unwrap();
    let begin = "FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n";
    fs::write(context.join("Dockerfile"), format!("{begin}RUN true\n")).unwrap();
    let probe = build(&context).output().unwrap();
    if stderr(&probe).contains("the embedded engine cannot RUN on this machine") {
        return Err(stderr(&probe));
    }
    fs::write(context.join("Dockerfile"), format!("{begin}{dockerfile}")).unwrap();
    Ok(context)
}

#[test]
fn runs_a_command_once() {
    let directory = tempfile::tempdir().unwrap();
    let source = "ARG N\nRUN echo said-$N-$((20+1)) && /bin/busybox head -c 8 /dev/urandom > /random\nCOPY a /a\n";
    let context = match context(directory.path(), source) {
        Ok(context) => context,
        Err(reason) => return println!("SKIPPED: {reason}"),
    };
    fs::write(context.join("a"), "1").unwrap();
    let at = |number: &str| {
        let mut command = build(&context);
        command.args(["--build-arg", &format!("N={number}")]);
        command
    };
    let first = at("1").output().unwrap();
    assert!(
        stderr(&first).contains("    said-1-21\n"),
        "{}",
        stderr(&first)
    );
    let random = image::listing(&layout(&context));
    // What comes after it changes: it is not run again, and what it made stays.
    fs::write(context.join("a"), "22").unwrap();
    let second = at("1").output().unwrap();
    assert!(!stderr(&second).contains("said-"), "{}", stderr(&second));
    assert_eq!(
        image::listing(&layout(&context)).replace("\"22\"", "\"1\""),
        random
    );
    // Another argument is another command.
    let third = at("2").output().unwrap();
    assert!(
        stderr(&third).contains("    said-2-21\n"),
        "{}",
        stderr(&third)
    );
}

#[test]
fn says_how_a_command_failed_and_keeps_the_ones_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let source = "RUN echo first\nRUN echo why it failed; exit 7\n";
    let context = match context(directory.path(), source) {
        Ok(context) => context,
        Err(reason) => return println!("SKIPPED: {reason}"),
    };
    let message = failure(build(&context).arg("--quiet"), 1);
    assert_eq!(
        message,
        "    why it failed\nerror: ./Dockerfile:5: RUN echo why it failed; exit 7: the command ended with exit code 7\n"
    );
    let again = failure(&mut build(&context), 1);
    assert!(!again.contains("first\n    first"), "{again}");
    assert!(!again.contains("    first"), "{again}");
    // Nothing is left of what ran.
    let left = fs::read_dir(layout(&context).join("cache/run")).unwrap();
    let left: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("task-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn shows_a_secret_to_the_command_alone() {
    let directory = tempfile::tempdir().unwrap();
    let source = "RUN --mount=type=secret,id=key,required=true --mount=type=secret,id=token,env=TOKEN \
        /bin/busybox wc -c < /run/secrets/key && echo ${#TOKEN}\n";
    let context = match context(directory.path(), source) {
        Ok(context) => context,
        Err(reason) => return println!("SKIPPED: {reason}"),
    };
    let message = failure(build(&context).arg("--quiet"), 2);
    assert!(
        message.contains("the command needs the secret key, which was not given"),
        "{message}"
    );
    let secret = directory.path().join("secret");
    fs::write(&secret, "do-not-keep-me").unwrap();
    let output = build(&context)
        .env("MY_TOKEN", "nor-me")
        .args(["--secret", &format!("id=key,src={}", secret.display())])
        .args(["--secret", "id=token,env=MY_TOKEN"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("    14\n    6\n"),
        "{}",
        stderr(&output)
    );
    let mut files = vec![layout(&context)];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let content = fs::read(&path).unwrap();
            for secret in [&b"do-not-keep-me"[..], b"nor-me"] {
                let is_there = content.windows(secret.len()).any(|part| part == secret);
                assert!(!is_there, "{}", path.display());
            }
        }
    }
    let listing = image::listing(&layout(&context));
    let entries = listing.lines().filter(|line| !line.starts_with('['));
    assert!(!entries.collect::<String>().contains("secret"));
}

#[test]
fn gives_the_same_digest_in_another_place() {
    let source = "RUN mkdir /d && echo x > /d/y && ln /d/y /d/z && /bin/busybox chown 5:6 /d && rm /bin/busybox\n";
    let mut digests = Vec::new();
    for _ in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let context = match context(directory.path(), source) {
            Ok(context) => context,
            Err(reason) => return println!("SKIPPED: {reason}"),
        };
        digests.push(document(&mut build(&context))["digest"].clone());
    }
    assert_eq!(digests[0], digests[1]);
}
