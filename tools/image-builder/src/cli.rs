//! The command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as Arguments, Parser, Subcommand};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::bill::Bill;
use crate::build::secret::Secret;
use crate::engine::Choice;
use crate::engine::container::Cache;
use crate::image::digest::Digest;
use crate::image::platform::Platform;
use crate::image::reference::{is_repository, is_tag};
use crate::layer::Codec;
use crate::revision::{self, Revision};
use crate::scan::{self, Severity};
use crate::stage::Settings;
use crate::{Job, Request, budget, build, promote, push};

const EXAMPLES: &str = "\
EXAMPLES
  image-builder build --platform linux/amd64 --repository ludlow --tag qa-42-0a1b2c3d4e5f
  image-builder push --repository ludlow --tag qa-42-0a1b2c3d4e5f
  image-builder publish --environment qa --build-number 42 --repository ludlow --max-size 300MB --sbom spdx=sbom.json
  image-builder promote --repository ludlow --tag qa-42-0a1b2c3d4e5f --to-tag prod-42-0a1b2c3d4e5f
  image-builder scan --repository ludlow --tag qa-42-0a1b2c3d4e5f --severity high
  image-builder publish --context app --repository ludlow --tag 1.2.3 --build-arg VERSION=1.2.3 --output image.json

The layout is an OCI image layout: `skopeo inspect oci:.longshore/image` reads it.

EXIT CODES
  0 done   1 failed   2 wrong arguments, or mistakes in the Dockerfile   3 too large, or the scan found something bad
  6 the scan was not over in time";

/// Builds images from Dockerfiles without a container engine, and pushes them to Amazon ECR.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,
    /// Only warnings and errors on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Details too
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the image into a layout; nothing is sent
    #[command(after_help = EXAMPLES)]
    Build {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        naming: Naming,
        #[command(flatten)]
        source: Source,
    },
    /// Push the image of a layout to its repository
    #[command(after_help = EXAMPLES)]
    Push {
        #[command(flatten)]
        place: Place,
        /// Tag of the image
        #[arg(long, value_name = "TAG", value_parser = tag)]
        tag: String,
        /// Repository of the same registry that may have some of the layers
        #[arg(long, value_name = "NAME", value_parser = repository)]
        mount_from: Option<String>,
    },
    /// Build and push
    #[command(after_help = EXAMPLES)]
    Publish {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        naming: Naming,
        #[command(flatten)]
        source: Source,
    },
    /// Put an image under another tag, perhaps in another repository, by its digest; nothing is built
    #[command(after_help = EXAMPLES)]
    Promote {
        #[command(flatten)]
        from: From,
        /// Repository that gets it [default: the same]
        #[arg(long, value_name = "NAME", value_parser = repository)]
        to_repository: Option<String>,
        /// Its new tag
        #[arg(long, value_name = "TAG", value_parser = tag)]
        to_tag: String,
        /// Platform that is taken of an image for several
        #[arg(long, value_name = "OS/ARCH", default_value = "linux/amd64")]
        platform: Platform,
        /// Show what would be
        #[arg(long)]
        dry_run: bool,
    },
    /// Wait for ECR's scan of an image, and fail with exit code 3 if it found something bad
    #[command(after_help = EXAMPLES)]
    Scan {
        #[command(flatten)]
        from: From,
        /// The least that is bad: informational, low, medium, high or critical
        #[arg(long, value_name = "SEVERITY", default_value = "high")]
        severity: Severity,
        /// Seconds that the scan may take
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        timeout: u64,
    },
    /// Measure how long hashing and compressing a context takes, which is the least that a build can take
    #[command(after_help = EXAMPLES)]
    Speed {
        /// Directory whose files are read
        #[arg(long, value_name = "DIR", default_value = ".")]
        context: PathBuf,
        /// Threads that compress [default: one for each processor, 8 at most]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
        threads: Option<u16>,
    },
}

/// An image in ECR.
#[derive(Debug, Clone, Arguments)]
struct From {
    /// Name of the ECR repository
    #[arg(long, value_name = "NAME", value_parser = repository)]
    repository: String,
    /// Its tag
    #[arg(long, value_name = "TAG", value_parser = tag, required_unless_present = "digest", conflicts_with = "digest")]
    tag: Option<String>,
    /// Its digest
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    digest: Option<Digest>,
}

/// Where the image goes.
#[derive(Debug, Clone, Arguments)]
struct Place {
    /// Name of the ECR repository
    #[arg(long, value_name = "NAME", value_parser = repository)]
    repository: String,
    /// Directory of the image, with what makes the next build faster
    #[arg(long, value_name = "DIR", default_value = ".longshore/image")]
    layout: PathBuf,
    /// Leave the layout and the repository as they are, and show what would be
    #[arg(long)]
    dry_run: bool,
}

/// What the image is called.
#[derive(Debug, Arguments)]
struct Naming {
    /// Tag of the image
    #[arg(long, value_name = "TAG", value_parser = tag, required_unless_present = "environment")]
    tag: Option<String>,
    /// Tag it ENVIRONMENT-BUILD-COMMIT12, and label it with its commit; a changed tree is refused but for `local`
    #[arg(long, value_name = "NAME", value_parser = tag, conflicts_with = "tag")]
    environment: Option<String>,
    /// Number of the build [default: the CI system's, or 0]
    #[arg(long, value_name = "N", requires = "environment")]
    build_number: Option<String>,
    /// Build a tree that differs from its commit, and mark the tag with -dirty
    #[arg(long, requires = "environment")]
    allow_dirty: bool,
}

/// What the image is made of.
#[derive(Debug, Arguments)]
struct Source {
    /// Directory to copy files from
    #[arg(long, value_name = "DIR", default_value = ".")]
    context: PathBuf,
    /// Dockerfile [default: the context's]
    #[arg(long, value_name = "FILE")]
    dockerfile: Option<PathBuf>,
    /// Platform that the image runs on
    #[arg(long, value_name = "OS/ARCH", default_value = "linux/amd64")]
    platform: Platform,
    /// Value for an ARG of the Dockerfile
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    build_arg: Vec<(String, String)>,
    /// Stage to build instead of the last one
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// Label beside those of the Dockerfile
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// How layers are compressed: gzip or zstd
    #[arg(long, value_name = "NAME", default_value = "gzip", value_parser = codec)]
    compression: Codec,
    /// Threads that compress [default: one for each processor, 8 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
    /// Secret for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE
    #[arg(long, value_name = "SECRET", value_parser = Secret::parse)]
    secret: Vec<Secret>,
    /// Agent for RUN --mount=type=ssh: default or NAME=SOCKET
    #[arg(long, value_name = "AGENT")]
    ssh: Vec<String>,
    /// What builds: embedded (needs nothing), docker, podman, buildah, or auto: embedded unless it cannot
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = engine)]
    engine: Chosen,
    /// Repository and tag that keep BuildKit's cache, with what ECR needs (docker with buildx)
    #[arg(long, value_name = "REFERENCE")]
    cache_repository: Option<String>,
    /// Passed on to BuildKit (docker with buildx)
    #[arg(long, value_name = "CACHE")]
    cache_from: Vec<String>,
    /// Passed on to BuildKit (docker with buildx)
    #[arg(long, value_name = "CACHE")]
    cache_to: Vec<String>,
    /// Take build arguments that look like secrets all the same
    #[arg(long)]
    allow_secret_args: bool,
    /// Compressed size that the image may have, such as 500MB; exit code 3 if it is larger
    #[arg(long, value_name = "SIZE", value_parser = budget::parse)]
    max_size: Option<u64>,
    /// Write the packages of the image: spdx=FILE or cyclonedx=FILE
    #[arg(long, value_name = "FORMAT=FILE", value_parser = Bill::parse)]
    sbom: Vec<Bill>,
    /// Copy files that look like secrets all the same
    #[arg(long)]
    allow_secrets_in_context: bool,
    /// Time of all files in the image and of itself, in seconds since 1970
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SOURCE_DATE_EPOCH",
        default_value_t = 0
    )]
    source_date_epoch: u64,
}

fn repository(text: &str) -> Result<String, String> {
    if is_repository(text) {
        return Ok(text.to_owned());
    }
    Err("lower-case letters, digits and - _ . / only, without the registry's host".to_owned())
}

fn tag(text: &str) -> Result<String, String> {
    if is_tag(text) {
        return Ok(text.to_owned());
    }
    Err("at most 128 letters, digits and - _ . beginning with a letter, a digit or _".to_owned())
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "sha256: and 64 hexadecimal digits".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn codec(text: &str) -> Result<Codec, String> {
    match text {
        "gzip" => Ok(Codec::Gzip),
        "zstd" => Ok(Codec::Zstd),
        _ => Err("gzip or zstd".to_owned()),
    }
}

/// An engine, or none for `auto`: clap takes an option for an absent argument.
#[derive(Debug, Clone, Copy)]
struct Chosen(Choice);

fn engine(text: &str) -> Result<Chosen, String> {
    match text {
        "auto" => Ok(Chosen(None)),
        other => other.parse().map(|engine| Chosen(Some(engine))),
    }
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let job = match self.command {
            Command::Build {
                place,
                naming,
                source,
            } => Job::Build(source.into_build(place, naming)?),
            Command::Push {
                place,
                tag,
                mount_from,
            } => Job::Push(place.into_push(tag, mount_from)),
            Command::Publish {
                place,
                naming,
                source,
            } => {
                let build = source.into_build(place.clone(), naming)?;
                let push = place.into_push(build.tag.clone(), None);
                Job::Publish(build, push)
            }
            Command::Promote {
                from,
                to_repository,
                to_tag,
                platform,
                dry_run,
            } => Job::Promote(promote::Request {
                to_repository: to_repository.unwrap_or_else(|| from.repository.clone()),
                repository: from.repository,
                image: match (from.digest, from.tag) {
                    (Some(digest), _) => promote::Selector::Digest(digest),
                    (None, tag) => promote::Selector::Tag(tag.unwrap_or_default()),
                },
                to_tag,
                platform,
                dry_run,
            }),
            Command::Scan {
                from,
                severity,
                timeout,
            } => Job::Scan(scan::Request {
                repository: from.repository,
                tag: from.tag,
                digest: from.digest.map(|digest| digest.to_string()),
                severity,
                timeout: Duration::from_secs(timeout),
            }),
            Command::Speed { context, threads } => Job::Speed(
                context,
                threads.map_or_else(crate::layer::threads, usize::from),
            ),
        };
        Ok(Request {
            job,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}

impl Place {
    fn into_push(self, tag: String, mount_from: Option<String>) -> push::Request {
        push::Request {
            layout: self.layout,
            repository: self.repository,
            tag,
            mount_from,
            dry_run: self.dry_run,
        }
    }
}

/// Where CI systems put the number of a build.
const BUILD_NUMBERS: [&str; 3] = ["BUILD_NUMBER", "GITHUB_RUN_NUMBER", "CI_PIPELINE_IID"];

impl Naming {
    /// The tag, and the labels of the commit.
    fn settle(self, context: &Path) -> anyhow::Result<(String, Vec<(String, String)>)> {
        let environment = match (self.tag, self.environment) {
            (Some(tag), _) => return Ok((tag, Vec::new())),
            (None, Some(environment)) => environment,
            (None, None) => return Err(Fault::usage("give --tag or --environment").into()),
        };
        let revision = Revision::of(context);
        if !self.allow_dirty {
            revision::check(&environment, revision.as_ref())?;
        }
        let of_ci = || {
            BUILD_NUMBERS
                .into_iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        let number = self.build_number.or_else(of_ci);
        let number = number.as_deref().unwrap_or("0");
        let name = revision::tag(&environment, number, revision.as_ref());
        if !is_tag(&name) {
            return Err(Fault::usage(format!("{name} is no tag: it is too long")).into());
        }
        Ok((
            name,
            revision.map_or_else(Vec::new, |revision| revision.labels()),
        ))
    }
}

impl Source {
    fn into_build(self, place: Place, naming: Naming) -> anyhow::Result<build::Request> {
        let (tag, revision) = naming.settle(&self.context)?;
        let mut arguments = BTreeMap::new();
        for (name, value) in self.build_arg {
            if arguments.insert(name.clone(), value).is_some() {
                return Err(Fault::usage(format!("--build-arg {name} is given twice")).into());
            }
        }
        Ok(build::Request {
            dockerfile: self
                .dockerfile
                .unwrap_or_else(|| self.context.join("Dockerfile")),
            context: self.context,
            settings: Settings {
                arguments,
                target: self.target,
                platform: self.platform,
            },
            engine: self.engine.0,
            labels: self.label,
            revision,
            ssh: self.ssh,
            cache: Cache {
                registry: self.cache_repository,
                from: self.cache_from,
                to: self.cache_to,
            },
            allow_secret_arguments: self.allow_secret_args,
            repository: place.repository,
            tag,
            layout: place.layout,
            epoch: self.source_date_epoch,
            codec: self.compression,
            threads: self.threads.map_or_else(crate::layer::threads, usize::from),
            max_size: self.max_size,
            bills: self.sbom,
            secrets: self.secret,
            allow_secrets: self.allow_secrets_in_context,
            dry_run: place.dry_run,
        })
    }
}
