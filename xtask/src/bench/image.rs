//! image-builder beside `docker build` and `docker push`, and buildah: the same context into the same registry, cold,
//! again without a change, and again with one file changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;
use toolkit::Console;

use super::measure::{Figures, Run, run};
use super::stand::{Server, Stand};
use super::table::{Comparison, Comparisons, Entry};

/// Files of the context, and bytes of each: 200 MB in all.
const FILES: u32 = 5_000;
const FILE_BYTES: usize = 40_000;
/// Files in one directory of it.
const TOGETHER: u32 = 100;
const CASES: [&str; 3] = ["cold", "nothing has changed", "one file has changed"];
const REPOSITORY: &str = "bench";

/// Who builds and pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Embedded,
    Zstd,
    Docker,
    Buildah,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Embedded, Self::Zstd, Self::Docker, Self::Buildah];

    fn name(self) -> &'static str {
        match self {
            Self::Embedded => "image-builder",
            Self::Zstd => "image-builder, zstd",
            Self::Docker => "docker build, push",
            Self::Buildah => "buildah bud, push",
        }
    }

    /// What the figures do not show.
    fn said(self) -> &'static str {
        match self {
            Self::Docker => "CPU and memory are the client's, not the daemon's",
            _ => "",
        }
    }
}

/// Measures all that are there.
pub(crate) fn run_all(
    console: &Console,
    stand: &Stand,
    runs: u32,
    only: Option<&str>,
) -> anyhow::Result<Comparisons> {
    let place = Place::prepare(console, stand)?;
    let mut measured: BTreeMap<(usize, usize), Vec<Run>> = BTreeMap::new();
    for round in 1..=runs {
        for (number, contender) in Contender::ALL.into_iter().enumerate() {
            if !place.has(contender) {
                continue;
            }
            place.forget(contender)?;
            for (case, name) in CASES.iter().enumerate() {
                console.status(&format!("{name}, {} ({round} of {runs})", contender.name()));
                match case {
                    0 => place.touch(&format!("{round} {number}"))?,
                    2 => place.touch(&format!("{round} {number} changed"))?,
                    _ => {}
                }
                let outcome = run(&mut place.command(contender))?;
                if outcome.code != Some(0) {
                    bail!("{} failed in the case {name}", contender.name());
                }
                measured.entry((case, number)).or_default().push(outcome);
            }
        }
    }
    let floor = place.floor()?;
    let mut comparisons = Vec::new();
    for (case, name) in CASES.iter().enumerate() {
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let mut entries: Vec<Entry> = Contender::ALL
            .iter()
            .enumerate()
            .filter_map(|(number, contender)| {
                let figures = Figures::of(measured.get(&(case, number))?)?;
                Some(entry(
                    contender.name(),
                    figures,
                    contender.said().to_owned(),
                ))
            })
            .collect();
        if case == 0 {
            let said = "the least: nothing but hashing and compressing, in memory".to_owned();
            entries.push(entry("this machine's floor", floor, said));
        }
        comparisons.push(Comparison {
            case: (*name).to_owned(),
            entries,
        });
    }
    Ok(Comparisons::of("image", comparisons))
}

fn entry(name: &str, figures: Figures, said: String) -> Entry {
    Entry {
        name: name.to_owned(),
        figures,
        calls: None,
        operations: BTreeMap::new(),
        lag_ms: None,
        said,
    }
}

/// A context, a registry, and who is there to build.
struct Place<'a> {
    stand: &'a Stand,
    server: Server<'a>,
    context: PathBuf,
    /// The registry's host and the repository.
    repository: String,
    docker: bool,
    buildah: bool,
}

impl<'a> Place<'a> {
    fn prepare(console: &Console, stand: &'a Stand) -> anyhow::Result<Self> {
        let context = stand.path().join("context");
        write_context(&context)?;
        let server = Server::start(stand, 1)?;
        let aws = |arguments: &[&str]| -> anyhow::Result<Value> {
            let mut command = stand.client("aws");
            let output = server
                .reached_by(command.args(arguments).args(["--output", "json"]))
                .stdout(Stdio::piped())
                .output()
                .context("cannot run the AWS CLI")?;
            serde_json::from_slice(&output.stdout)
                .with_context(|| format!("aws {} failed", arguments.join(" ")))
        };
        let made = aws(&["ecr", "create-repository", "--repository-name", REPOSITORY])?;
        let repository = made["repository"]["repositoryUri"].as_str();
        let repository = repository.context("ECR gave no address")?.to_owned();
        let host = repository.split('/').next().unwrap_or_default();
        let token = aws(&["ecr", "get-authorization-token"])?;
        let token = &token["authorizationData"][0]["authorizationToken"];
        let config = serde_json::json!({"auths": {host: {"auth": token}}});
        stand.file("config.json", &config.to_string())?;
        let mut place = Self {
            stand,
            server,
            context,
            repository,
            docker: true,
            buildah: true,
        };
        place.docker = place.answers(&mut place.other("docker info"));
        place.buildah = place.answers(&mut place.other("buildah --version"));
        for (name, is_there) in [("docker", place.docker), ("buildah", place.buildah)] {
            if !is_there {
                console.warning(&format!("no {name} here: it is not measured"));
            }
        }
        Ok(place)
    }

    fn answers(&self, command: &mut Command) -> bool {
        command.status().is_ok_and(|status| status.success())
    }

    fn has(&self, contender: Contender) -> bool {
        match contender {
            Contender::Embedded | Contender::Zstd => true,
            Contender::Docker => self.docker,
            Contender::Buildah => self.buildah,
        }
    }

    /// Changes one file in the middle of the context.
    fn touch(&self, text: &str) -> anyhow::Result<()> {
        let file = self.context.join("d25").join("f2500");
        let mut bytes =
            fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let length = text.len().min(bytes.len());
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Takes away what makes the next build faster.
    fn forget(&self, contender: Contender) -> anyhow::Result<()> {
        match contender {
            Contender::Embedded | Contender::Zstd => {
                let layout = self.layout(contender);
                if layout.exists() {
                    fs::remove_dir_all(&layout)
                        .with_context(|| format!("cannot remove {}", layout.display()))?;
                }
            }
            Contender::Docker => {
                let name = &self.repository;
                let script = format!(
                    "docker builder prune --all --force; docker image rm --force {name}:docker; true"
                );
                self.answers(&mut self.other(&script));
            }
            Contender::Buildah => {
                self.answers(&mut self.other("buildah $STORAGE rmi --all --force"));
            }
        }
        Ok(())
    }

    fn layout(&self, contender: Contender) -> PathBuf {
        self.stand.path().join(format!("layout-{contender:?}"))
    }

    /// Builds and pushes.
    fn command(&self, contender: Contender) -> Command {
        let name = &self.repository;
        let context = self.context.display();
        match contender {
            Contender::Embedded => self.ours(contender, "gzip"),
            Contender::Zstd => self.ours(contender, "zstd"),
            Contender::Docker => self.other(&format!(
                "docker build --quiet --tag {name}:docker {context} && docker push --quiet {name}:docker"
            )),
            Contender::Buildah => self.other(&format!(
                "buildah $STORAGE bud --quiet --layers --tag {name}:buildah {context} && \
                 buildah $STORAGE push --quiet --tls-verify=false --authfile $DOCKER_CONFIG/config.json {name}:buildah"
            )),
        }
    }

    fn ours(&self, contender: Contender, compression: &str) -> Command {
        let mut command = self.stand.program("image-builder");
        command
            .args(["publish", "--quiet", "--repository", REPOSITORY])
            .args(["--tag", compression, "--compression", compression])
            .arg("--context")
            .arg(&self.context)
            .arg("--layout")
            .arg(self.layout(contender));
        self.server.reached_by(&mut command);
        command
    }

    /// Somebody else's program, by a shell.
    fn other(&self, script: &str) -> Command {
        let mut command = self.stand.client("/bin/sh");
        let storage = self.stand.path().join("buildah");
        command
            .args(["-c", script])
            .env("DOCKER_CONFIG", self.stand.path())
            .env(
                "STORAGE",
                format!("--root {0}/root --runroot {0}/run", storage.display()),
            );
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// What hashing and compressing alone takes.
    fn floor(&self) -> anyhow::Result<Figures> {
        let mut command = self.stand.program("image-builder");
        let output = command
            .arg("speed")
            .arg("--context")
            .arg(&self.context)
            .stdout(Stdio::piped())
            .output()
            .context("cannot start image-builder")?;
        let speed: Value =
            serde_json::from_slice(&output.stdout).context("image-builder speed said nothing")?;
        let of = |name: &str| speed[name].as_f64().unwrap_or_default();
        Ok(Figures {
            runs: 1,
            wall_ms: of("hashMs") + of("compressMs"),
            cpu_ms: of("hashMs") + of("compressMs") * of("threads"),
            peak_mib: of("bytes") / f64::from(1 << 20),
        })
    }
}

/// Text that compresses like source code, and in every fifth file bytes that do not compress at all.
fn write_context(context: &Path) -> anyhow::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // xorshift64: the same context on every machine.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<String> = (0..4000)
        .map(|_| {
            let number = next();
            let length = 2 + usize::try_from(number % 8).unwrap_or_default();
            format!("{number:016x}")[..length].to_owned()
        })
        .collect();
    for number in 0..FILES {
        let directory = context.join(format!("d{}", number / TOGETHER));
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut bytes = Vec::with_capacity(FILE_BYTES + 16);
        while bytes.len() < FILE_BYTES {
            if number % 5 == 0 {
                bytes.extend(next().to_le_bytes());
            } else {
                let at = usize::try_from(next() % words.len() as u64)?;
                bytes.extend(words[at].as_bytes());
                bytes.push(if bytes.len() % 61 == 0 { b'\n' } else { b' ' });
            }
        }
        bytes.truncate(FILE_BYTES);
        let file = directory.join(format!("f{number}"));
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let dockerfile = context.join("Dockerfile");
    fs::write(&dockerfile, "FROM scratch\nCOPY . /app/\n")
        .with_context(|| format!("cannot write {}", dockerfile.display()))
}
