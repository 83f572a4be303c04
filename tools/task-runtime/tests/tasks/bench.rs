//! What the tests stand on: an image, a directory for tasks, and waiting for what must come.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use task_runtime::layers::{self, Compression, Layer, Limits};
use task_runtime::{
    Capability, ContainerSpec, EventKind, Exit, Runtime, Started, Stream, Task, TaskSpec,
};

/// Long enough for the busiest machine; only a failing test ever waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The executable that the stages of a task are made of; another copy for a user who cannot reach this one.
pub(crate) fn executable() -> PathBuf {
    std::env::var_os(EXECUTABLE).map_or(
        PathBuf::from(env!("CARGO_BIN_EXE_task-runtime")),
        PathBuf::from,
    )
}

pub(crate) const EXECUTABLE: &str = "TASK_RUNTIME_TEST_EXECUTABLE";

/// The containers' program, compiled once; `None` where that is impossible, and then there is nothing to test with.
pub(crate) fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(compile).as_deref()
}

pub(crate) const PROGRAM: &str = "TASK_RUNTIME_TEST_PROGRAM";

fn compile() -> Option<PathBuf> {
    if let Some(compiled) = std::env::var_os(PROGRAM) {
        return Some(PathBuf::from(compiled));
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/task.c");
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("task-{}", std::process::id()));
    let compiled = Command::new("cc")
        .args(["-static", "-O1", "-o"])
        .arg(&target)
        .arg(source)
        .status();
    match compiled {
        Ok(status) if status.success() => Some(target),
        outcome => {
            println!("SKIPPED: no static program can be compiled here: {outcome:?}");
            None
        }
    }
}

/// One runtime, one image, and the tasks started with them.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) image: PathBuf,
}

/// One bench for each way to run tasks on this machine.
pub(crate) fn benches() -> Vec<Bench> {
    let Some(program) = program() else {
        return Vec::new();
    };
    let best = bench(program, None);
    let mut benches = Vec::new();
    if let Capability::Namespaces { .. } = best.runtime.capability() {
        let is_root = rustix::process::geteuid().is_root();
        benches.extend(is_root.then(|| bench(program, Some(true))));
        benches.push(bench(program, Some(false)));
    } else {
        println!(
            "SKIPPED: no namespaces here: {:?}",
            best.runtime.capability()
        );
    }
    benches.push(best);
    benches
}

/// A bench with namespaces, or `None` with a message.
pub(crate) fn isolated() -> Option<Bench> {
    let bench = bench(program()?, None);
    match bench.runtime.capability() {
        Capability::Namespaces { .. } => Some(bench),
        Capability::Process { reason, .. } => {
            println!("SKIPPED: no namespaces here: {reason}");
            None
        }
    }
}

/// With the best runtime there is, or with plain processes that change their root or do not.
fn bench(program: &Path, change_root: Option<bool>) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let runtime = match change_root {
        None => Runtime::detect(&executable(), directory.path()).unwrap(),
        Some(change_root) => Runtime::process(&executable(), "for the test", change_root),
    };
    let blob = directory.path().join("layer.tar");
    let diff_id = write_image(&blob, program);
    let layer = Layer {
        blob,
        compression: Compression::None,
        diff_id,
    };
    let ids = runtime.capability().ids();
    let image = layers::unpack(
        &directory.path().join("images"),
        &[layer],
        ids,
        &Limits::default(),
    )
    .unwrap();
    Bench {
        runtime,
        directory,
        image,
    }
}

fn write_image(blob: &Path, program: &Path) -> String {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, mode: u32, owner: u64, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content).unwrap();
    };
    add("bin/task", 0o755, 0, &fs::read(program).unwrap());
    add(
        "etc/passwd",
        0o644,
        0,
        b"root:x:0:0::/root:\napp:x:1000:1001::/home/app:\n",
    );
    add(
        "etc/group",
        0o644,
        0,
        b"root:x:0:\napp:x:1001:\nlog:x:1002:app\n",
    );
    add("home/app/secret", 0o600, 1000, b"the app's own\n");
    let archive = builder.into_inner().unwrap();
    fs::write(blob, &archive).unwrap();
    format!("sha256:{}", hex::encode(Sha256::digest(&archive)))
}

pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Bench {
    /// A container named `app` that runs the image's program.
    pub(crate) fn container(&self, words: &[&str]) -> ContainerSpec {
        let argv = strings(&[&["/bin/task"], words].concat());
        ContainerSpec::new("app", vec![self.image.clone()], argv)
    }

    pub(crate) fn spec(&self, containers: Vec<ContainerSpec>) -> TaskSpec {
        let number = fs::read_dir(self.directory.path()).unwrap().count();
        TaskSpec {
            id: format!("0123456789abcdef{number}"),
            directory: self.directory.path().join(format!("task-{number}")),
            containers,
            host_services: Vec::new(),
            lease: None,
        }
    }

    pub(crate) fn start(&self, container: ContainerSpec) -> Trial {
        self.start_spec(&self.spec(vec![container]))
    }

    pub(crate) fn start_spec(&self, spec: &TaskSpec) -> Trial {
        Trial(self.runtime.start(spec).unwrap())
    }

    /// Runs a container to its end and gives what it wrote to its standard output.
    pub(crate) fn output(&self, container: ContainerSpec) -> String {
        let trial = self.start(container);
        assert_eq!(trial.exit("app"), Exit::Code(0), "{}", trial.story());
        trial.text("app", Stream::Stdout)
    }
}

/// A started task that is killed at the end of its test.
pub(crate) struct Trial(pub(crate) Started);

impl Drop for Trial {
    fn drop(&mut self) {
        // Most tasks have ended by then.
        self.0.task.kill().ok();
    }
}

impl Trial {
    pub(crate) fn task(&self) -> &Task {
        &self.0.task
    }

    pub(crate) fn events(&self) -> Vec<EventKind> {
        events(self.task())
    }

    /// Everything that is known of the task, for a failing assertion.
    pub(crate) fn story(&self) -> String {
        let directory = self.task().directory();
        let mut story = String::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|kind| kind == "log" || kind == "jsonl")
            {
                story.push_str(&format!("\n== {}\n", path.display()));
                story.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
            }
        }
        story
    }

    /// Waits until `condition` gives a value.
    pub(crate) fn until<T>(&self, condition: impl Fn() -> Option<T>) -> T {
        until(condition).unwrap_or_else(|| panic!("it never happened{}", self.story()))
    }

    /// Waits until the container has said a line.
    pub(crate) fn said(&self, container: &str, line: &str) {
        self.until(|| {
            self.text(container, Stream::Stdout)
                .lines()
                .any(|said| said == line)
                .then_some(())
        });
    }

    pub(crate) fn text(&self, container: &str, stream: Stream) -> String {
        text(self.task(), container, stream)
    }

    /// Waits for the end of a container.
    pub(crate) fn exit(&self, container: &str) -> Exit {
        self.until(|| {
            self.events().into_iter().find_map(|event| match event {
                EventKind::Exited {
                    container: ended,
                    exit,
                } if ended == container => Some(exit),
                EventKind::Failed { message, .. } => panic!("it failed: {message}"),
                _ => None,
            })
        })
    }

    /// Waits for the program of a container to run, and gives the process id of its first process.
    pub(crate) fn started(&self, container: &str) -> i32 {
        self.until(|| {
            self.events().into_iter().find_map(|event| match event {
                EventKind::Started {
                    container: started,
                    pid,
                    ..
                } if started == container => Some(pid),
                EventKind::Failed { message, .. } => panic!("it failed: {message}"),
                _ => None,
            })
        })
    }

    /// Waits for the failure of the task or a container.
    pub(crate) fn failure(&self) -> String {
        self.until(|| {
            self.events().into_iter().find_map(|event| match event {
                EventKind::Failed { message, .. } => Some(message),
                _ => None,
            })
        })
    }

    pub(crate) fn port(&self, index: usize) -> SocketAddr {
        self.0.ports[index].host
    }
}

pub(crate) fn events(task: &Task) -> Vec<EventKind> {
    task.events(0)
        .unwrap()
        .events
        .into_iter()
        .map(|event| event.what)
        .collect()
}

/// What a container has written so far to one of its streams.
pub(crate) fn text(task: &Task, container: &str, stream: Stream) -> String {
    let file = task.directory().join(format!("{container}.log"));
    // Not what comes meanwhile: a program may write faster than this reads.
    let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
    let (mut text, mut next) = (Vec::new(), 0);
    loop {
        let page = task.logs(container, next).unwrap();
        if page.records.is_empty() || next >= length {
            return String::from_utf8(text).unwrap();
        }
        for record in page
            .records
            .into_iter()
            .filter(|record| record.stream == stream)
        {
            text.extend_from_slice(&record.text);
            text.push(b'\n');
        }
        next = page.next;
    }
}

pub(crate) fn until<T>(condition: impl Fn() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(value) = condition() {
            return Some(value);
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    None
}

/// The body of the answer to a request; an error where there is none.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    // In one piece: the program reads once.
    connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}

/// A copy of a file that everybody may execute.
pub(crate) fn share(file: &Path, target: &Path) {
    let mut copy = File::create(target).unwrap();
    std::io::copy(&mut File::open(file).unwrap(), &mut copy).unwrap();
    copy.set_permissions(Permissions::from_mode(0o755)).unwrap();
}
