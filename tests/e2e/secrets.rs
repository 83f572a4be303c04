//! Marked secrets through a whole pipeline: they reach the tasks, and are in nothing that is printed, written
//! or on a command line.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Outcome, Project, call};

/// In every secret.
const MARK: &str = "m4rk3dHunter2";
/// The mark in base64, at each of the three places that it can begin at.
const ENCODED: [&str; 3] = ["bTRyazNkSHVudGVyM", "00cmszZEh1bnRlcj", "tNHJrM2RIdW50ZXIy"];

const SECRETS: &str = "
secrets.TOKEN = \"ssm:/ludlow/local/TOKEN\"
secrets.DATABASE_URL = \"secretsmanager:ARN:url\"
sources.paths = [\"/ludlow/shared/\"]
[schema.TOKEN]
required = true
secret = true
[schema.DATABASE_URL]
type = \"url\"
secret = true
[schema.KEY]
secret = true
[schema.LOG_LEVEL]
[schema.LUDLOW_CRASH]
";

fn is_marked(bytes: &[u8]) -> bool {
    let marks = ENCODED.iter().chain([&MARK]);
    marks
        .map(|mark| mark.as_bytes())
        .any(|mark| bytes.windows(mark.len()).any(|window| window == mark))
}

/// Looks at every process's command line until it is told to stop; gives those with the mark.
fn watch_command_lines(stop: &mpsc::Receiver<()>) -> Vec<String> {
    let mut found = Vec::new();
    while stop.recv_timeout(Duration::from_millis(2)) == Err(mpsc::RecvTimeoutError::Timeout) {
        for process in processes() {
            // A process may end between the two looks.
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            if is_marked(&line) {
                found.push(String::from_utf8_lossy(&line).replace('\0', " "));
            }
        }
    }
    found
}

fn processes() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .map(|entry| entry.path())
}

/// The environments of the running tasks.
fn task_environments() -> Vec<Vec<u8>> {
    processes()
        .filter(|process| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            line.starts_with(b"/ludlow")
        })
        .map(|process| std::fs::read(process.join("environ")).unwrap_or_default())
        .filter(|environment| is_marked(environment))
        .collect()
}

/// Every file below a directory that has the mark in it, by its path below the project.
fn marked_files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() && is_marked(&std::fs::read(entry.path()).unwrap()) {
                let path = entry.path();
                let mode = std::fs::metadata(&path).unwrap().permissions().mode();
                let path = path.strip_prefix(directory).unwrap();
                found.push(format!("{} {:o}", path.display(), mode & 0o777));
            }
        }
    }
    found.sort();
    found
}

/// Marked files other than those of what stands for AWS, which keeps secrets for its owner alone.
fn leaks(project: &Project) -> Vec<String> {
    let mut files = marked_files(project.path());
    files.retain(|file| {
        !file.starts_with(".longshore/local-aws/state.db") || !file.ends_with(" 600")
    });
    files
}

/// Brings the secrets to where a project keeps them, and names them in its file.
fn keep_secrets(project: &Project) {
    assert_eq!(project.xtask(&["local", "up"]).code, 0);
    for (path, line) in [("/ludlow/local/", "TOKEN"), ("/ludlow/shared/", "KEY")] {
        let mut push = project
            .tool("env-generator")
            .args(["push", "-", "--path", path, "--apply", "--verbose"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("{line}='{MARK} {line} $x \"q\"'\n");
        push.stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let outcome = Outcome::of(push.wait_with_output().unwrap());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(!is_marked(format!("{outcome:?}").as_bytes()), "{outcome:?}");
    }
    let secret = json!({ "url": format!("postgres://u:{MARK}@db/x") }).to_string();
    let input = json!({ "Name": "ludlow/db", "SecretString": secret }).to_string();
    let target = "secretsmanager.CreateSecret";
    let (status, answer) = call(&project.endpoint(), target, &input).unwrap();
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let arn = answer["ARN"].as_str().unwrap();
    let file = std::fs::read_to_string(project.path().join("longshore.toml")).unwrap();
    project.write("longshore.toml", &(file + &SECRETS.replace("ARN", arn)));
}

#[test]
fn no_secret_is_printed_or_written_or_on_a_command_line_in_a_whole_pipeline() {
    let project = Project::new("1");
    keep_secrets(&project);
    let (stop, stopped) = mpsc::channel();
    let watcher = std::thread::spawn(move || watch_command_lines(&stopped));

    let mut outcomes = vec![project.xtask(&["deploy", "--env", "local", "--verbose"])];
    outcomes[0].url();
    assert_eq!(task_environments().len(), 2, "both tasks have the secrets");
    let live = ["diff", "--env", "local", "--cluster", "ludlow"];
    let live = [&live[..], &["--service", "ludlow-local-api", "--verbose"]].concat();
    for arguments in [
        &["status", "--env", "local", "--verbose"][..],
        &["logs", "--env", "local", "--verbose"],
        &["env", "--env", "local", "--verbose"],
        &["render", "--env", "local", "--verbose"],
    ] {
        outcomes.push(project.xtask(arguments));
    }
    for arguments in [
        &["check", "--values", "--verbose"][..],
        &["--env", "local", "--explain", "--verbose"],
        &live,
    ] {
        let output = project.tool("env-generator").args(arguments).output();
        outcomes.push(Outcome::of(output.unwrap()));
    }
    assert!(
        outcomes.iter().all(|outcome| outcome.code == 0),
        "{outcomes:#?}"
    );

    assert_eq!(leaks(&project), [""; 0]);

    // A release that fails says why, with its last lines.
    let file = std::fs::read_to_string(project.path().join("longshore.toml")).unwrap();
    let crashing = file.replace("[variables]\n", "[variables]\nLUDLOW_CRASH = \"start\"\n");
    project.write("longshore.toml", &crashing);
    let failed = project.xtask(&["deploy", "--env", "local", "--verbose"]);
    assert_eq!(failed.code, 4, "{failed:?}");
    outcomes.push(failed);

    drop(stop);
    assert_eq!(watcher.join().unwrap(), [""; 0]);
    for outcome in &outcomes {
        assert!(
            !is_marked(format!("{outcome:?}").as_bytes()),
            "{outcome:#?}"
        );
    }
    assert_eq!(leaks(&project), [""; 0]);
}
