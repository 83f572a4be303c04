//! Container engines as programs: which is there, how it is asked to build, and how it hands the image over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use contract::exit;
use toolkit::console::Verbosity;
use toolkit::process::Invocation;
use toolkit::{Console, Fault};

use super::Engine;
use crate::build::secret::{Place, Secret};
use crate::image::platform::Platform;

/// Lines that are shown of an engine that failed where its output was not wanted.
const LAST_LINES: usize = 30;

/// What a container engine is asked for.
pub(crate) struct Order<'a> {
    pub(crate) context: &'a Path,
    pub(crate) dockerfile: &'a Path,
    pub(crate) platform: &'a Platform,
    pub(crate) arguments: &'a BTreeMap<String, String>,
    pub(crate) labels: &'a [(String, String)],
    pub(crate) target: Option<&'a str>,
    pub(crate) secrets: &'a [Secret],
    /// As BuildKit writes them: `default` or `NAME=SOCKET`.
    pub(crate) ssh: &'a [String],
    pub(crate) cache: &'a Cache,
    /// The name that the image gets in the engine's own store: the next build finds its layers there.
    pub(crate) name: &'a str,
    /// The directory that holds `config.json` for registries, and is gone after this build.
    pub(crate) configuration: &'a Path,
}

/// BuildKit's caches beside its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cache {
    /// A repository whose only use it is: a reference without a digest.
    pub(crate) registry: Option<String>,
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
}

impl Cache {
    pub(crate) fn is_empty(&self) -> bool {
        self.registry.is_none() && self.from.is_empty() && self.to.is_empty()
    }

    /// ECR takes a cache only as an image manifest with the media types of OCI (aws/containers-roadmap#876).
    fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(reference) = &self.registry {
            flags.push(format!("--cache-from=type=registry,ref={reference}"));
            flags.push(format!(
                "--cache-to=type=registry,ref={reference},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
            ));
        }
        flags.extend(self.from.iter().map(|text| format!("--cache-from={text}")));
        flags.extend(self.to.iter().map(|text| format!("--cache-to={text}")));
        flags
    }
}

/// How a docker builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builder {
    Buildx,
    Classic,
    /// Podman and buildah have one way only.
    Own,
}

/// Whether an engine answers, and how it builds; the reason if it does not.
pub(crate) fn reach(engine: Engine) -> Result<Builder, String> {
    let asked = match engine {
        // The client alone builds nothing: its daemon has to answer.
        Engine::Docker => {
            Invocation::new("docker").args(["version", "--format", "{{.Server.Version}}"])
        }
        Engine::Podman => Invocation::new("podman").args(["info", "--format", "{{.Host.OS}}"]),
        Engine::Buildah => Invocation::new("buildah").args(["info"]),
        Engine::Embedded => return Ok(Builder::Own),
    };
    asked.read().map_err(|error| {
        let text = format!("{error:#}");
        text.lines().next().unwrap_or_default().to_owned()
    })?;
    if engine != Engine::Docker {
        return Ok(Builder::Own);
    }
    let buildx = Invocation::new("docker").args(["buildx", "version"]);
    Ok(match buildx.read() {
        Ok(_) => Builder::Buildx,
        Err(_) => Builder::Classic,
    })
}

/// The engine that was asked for, or the first that answers.
pub(crate) fn reachable(asked: Option<Engine>, why: &str) -> anyhow::Result<(Engine, Builder)> {
    let mut reasons = Vec::new();
    for engine in asked.map_or(Engine::CONTAINER.to_vec(), |engine| vec![engine]) {
        match reach(engine) {
            Ok(builder) => return Ok((engine, builder)),
            Err(reason) => reasons.push(format!("{engine}: {reason}")),
        }
    }
    let message = match asked {
        Some(engine) => format!("{engine} cannot be used: {}", reasons.join("; ")),
        None => format!(
            "{why}, and no other engine answers ({})",
            reasons.join("; ")
        ),
    };
    Err(Fault::new(exit::FAILED, message).into())
}

impl Order<'_> {
    /// Builds; what the engine says goes to stderr.
    pub(crate) fn build(
        &self,
        engine: Engine,
        builder: Builder,
        console: &Console,
    ) -> anyhow::Result<()> {
        let invocation = self.invocation(engine, builder)?;
        console.detail(&format!("running {invocation}"));
        let what = || format!("cannot start {engine}");
        let status = if console.verbosity() == Verbosity::Quiet {
            let output = invocation.command().output().with_context(what)?;
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                console.untrusted(&lines[lines.len().saturating_sub(LAST_LINES)..]);
            }
            output.status
        } else {
            let _fence = console.fenced();
            let mut command = invocation.command();
            // What it says is for people, and stdout is for the document.
            command.stdout(Stdio::from(std::io::stderr()));
            command.status().with_context(what)?
        };
        if !status.success() {
            bail!("{engine} could not build the image: it ended with {status}");
        }
        Ok(())
    }

    /// The call. Values of arguments and secrets pass by the environment, where no process list shows them.
    fn invocation(&self, engine: Engine, builder: Builder) -> anyhow::Result<Invocation> {
        let is_buildkit = builder == Builder::Buildx;
        if !is_buildkit && !self.cache.is_empty() {
            return Err(Fault::usage(
                "--cache-repository, --cache-from and --cache-to are BuildKit's: they need docker with buildx",
            )
            .into());
        }
        let mut call = match (engine, builder) {
            (Engine::Docker, Builder::Buildx) => Invocation::new("docker")
                .args(["buildx", "build", "--load", "--progress=plain"])
                // Attestations make an index of the image, and ECS has pulled them instead of it.
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1"),
            (Engine::Docker, _) => {
                let call = Invocation::new("docker").arg("build");
                // Docker 20's own client has BuildKit without buildx; secrets need it.
                let needs_buildkit = !self.secrets.is_empty() || !self.ssh.is_empty();
                call.env("DOCKER_BUILDKIT", if needs_buildkit { "1" } else { "0" })
            }
            (Engine::Podman, _) => Invocation::new("podman").args(["build", "--format=docker"]),
            (Engine::Buildah, _) => {
                Invocation::new("buildah").args(["build", "--layers", "--format=docker"])
            }
            (Engine::Embedded, _) => bail!("the embedded engine is no program of its own"),
        };
        call = call
            .arg(format!("--platform={}", self.platform))
            .args(["--tag", self.name])
            .arg("--file")
            .arg(self.dockerfile)
            .env("DOCKER_CONFIG", self.configuration);
        if engine != Engine::Docker {
            call = call.env("REGISTRY_AUTH_FILE", self.configuration.join("config.json"));
        }
        for (name, value) in self.arguments {
            call = if is_own(name) {
                call.arg(format!("--build-arg={name}={value}"))
            } else {
                call.args(["--build-arg", name]).env(name, value)
            };
        }
        for (name, value) in self.labels {
            call = call.arg(format!("--label={name}={value}"));
        }
        if let Some(target) = self.target {
            call = call.args(["--target", target]);
        }
        for secret in self.secrets {
            let place = match &secret.place {
                Place::File(file) => format!("src={}", file.display()),
                Place::Variable(name) => format!("env={name}"),
            };
            call = call.arg(format!("--secret=id={},{place}", secret.id));
        }
        for agent in self.ssh {
            call = call.arg(format!("--ssh={agent}"));
        }
        Ok(call.args(self.cache.flags()).arg(self.context))
    }
}

/// Whether a variable of that name would change what the engine itself does.
fn is_own(name: &str) -> bool {
    ["PATH", "HOME", "TMPDIR"].contains(&name)
        || ["DOCKER_", "BUILD", "LD_", "XDG_", "CONTAINER"]
            .iter()
            .any(|begin| name.starts_with(begin))
}

/// Writes the image that an engine built into a file, in the form that `docker save` has.
pub(crate) fn save(
    engine: Engine,
    name: &str,
    configuration: &Path,
    file: &Path,
) -> anyhow::Result<()> {
    let call = match engine {
        Engine::Docker => Invocation::new("docker")
            .args(["save", "--output"])
            .arg(file)
            .arg(name),
        Engine::Podman => Invocation::new("podman")
            .args(["save", "--quiet", "--format", "docker-archive", "--output"])
            .arg(file)
            .arg(name),
        Engine::Buildah => Invocation::new("buildah")
            .args(["push", "--quiet", name])
            .arg(format!("docker-archive:{}", file.display())),
        Engine::Embedded => bail!("the embedded engine keeps no images"),
    };
    call.env("DOCKER_CONFIG", configuration)
        .env("REGISTRY_AUTH_FILE", configuration.join("config.json"))
        .read()
        .map(drop)
}

/// A directory for docker's configuration that has the user's own passwords and plug-ins, and one more password;
/// nothing of it is ever written to the user's.
pub(crate) fn configuration(
    directory: &Path,
    registry: Option<(&str, &str)>,
) -> anyhow::Result<()> {
    let own = std::env::var_os("DOCKER_CONFIG").map_or_else(
        || std::env::home_dir().map(|home| home.join(".docker")),
        |directory| Some(directory.into()),
    );
    let mut config = serde_json::json!({});
    if let Some(own) = &own {
        // A file that cannot be read is none.
        if let Ok(text) = fs::read_to_string(own.join("config.json")) {
            config = serde_json::from_str(&text)
                .with_context(|| format!("{} is no JSON", own.join("config.json").display()))?;
        }
        for name in ["cli-plugins", "buildx", "contexts"] {
            let theirs = own.join(name);
            if theirs.is_dir() {
                let ours = directory.join(name);
                std::os::unix::fs::symlink(&theirs, &ours)
                    .with_context(|| format!("cannot make {}", ours.display()))?;
            }
        }
    }
    if let Some((host, token)) = registry {
        config["auths"][host] = serde_json::json!({"auth": token});
        // A helper for all registries would be asked before the password is looked at.
        if let Some(config) = config.as_object_mut() {
            config.remove("credsStore");
        }
    }
    toolkit::file::write_atomic(
        &directory.join("config.json"),
        &serde_json::to_vec(&config)?,
        toolkit::file::Secrecy::Secret,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(engine: Engine, builder: Builder, cache: &Cache) -> String {
        let platform = "linux/arm64".parse().unwrap();
        let arguments = BTreeMap::from([("V".to_owned(), "secret-value".to_owned())]);
        let secrets = [Secret {
            id: "key".to_owned(),
            place: Place::Variable("KEY".to_owned()),
        }];
        let order = Order {
            context: Path::new("app"),
            dockerfile: Path::new("app/Dockerfile"),
            platform: &platform,
            arguments: &arguments,
            labels: &[("a".to_owned(), "b".to_owned())],
            target: Some("last"),
            secrets: &secrets,
            ssh: &["default".to_owned()],
            cache,
            name: "longshore-build/x",
            configuration: Path::new("/c"),
        };
        match order.invocation(engine, builder) {
            Ok(call) => call.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn asks_every_engine_for_the_same() {
        let rest = "--platform=linux/arm64 --tag longshore-build/x --file app/Dockerfile --build-arg V \
            --label=a=b --target last --secret=id=key,env=KEY --ssh=default";
        let cache = Cache {
            registry: Some("r/cache:x".to_owned()),
            ..Cache::default()
        };
        for (engine, builder, cache, expected) in [
            (
                Engine::Docker,
                Builder::Buildx,
                &cache,
                format!(
                    "docker buildx build --load --progress=plain {rest} --cache-from=type=registry,ref=r/cache:x \
                     --cache-to=type=registry,ref=r/cache:x,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true app"
                ),
            ),
            (
                Engine::Docker,
                Builder::Classic,
                &Cache::default(),
                format!("docker build {rest} app"),
            ),
            (
                Engine::Podman,
                Builder::Own,
                &Cache::default(),
                format!("podman build --format=docker {rest} app"),
            ),
            (
                Engine::Buildah,
                Builder::Own,
                &Cache::default(),
                format!("buildah build --layers --format=docker {rest} app"),
            ),
        ] {
            assert_eq!(shown(engine, builder, cache), expected);
        }
        assert_eq!(
            shown(Engine::Podman, Builder::Own, &cache),
            "error: --cache-repository, --cache-from and --cache-to are BuildKit's: they need docker with buildx"
        );
    }
}
