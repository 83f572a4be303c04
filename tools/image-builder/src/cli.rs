//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::build::secret::Secret;
use crate::image::platform::Platform;
use crate::image::reference::{is_repository, is_tag};
use crate::layer::Codec;
use crate::stage::Settings;
use crate::{Job, Request, build, push};

const EXAMPLES: &str = "\
EXAMPLES
  image-builder build --platform linux/amd64 --repository ludlow --tag qa-42-0a1b2c3d4e5f
  image-builder push --repository ludlow --tag qa-42-0a1b2c3d4e5f
  image-builder publish --context app --repository ludlow --tag 1.2.3 --build-arg VERSION=1.2.3 --output image.json

The layout is an OCI image layout: `skopeo inspect oci:.longshore/image` reads it.

EXIT CODES
  0 done   1 failed   2 wrong arguments, or mistakes in the Dockerfile";

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
        source: Source,
    },
    /// Push the image of a layout to its repository
    #[command(after_help = EXAMPLES)]
    Push {
        #[command(flatten)]
        place: Place,
    },
    /// Build and push
    #[command(after_help = EXAMPLES)]
    Publish {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        source: Source,
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

/// Where the image goes.
#[derive(Debug, Clone, Arguments)]
struct Place {
    /// Name of the ECR repository
    #[arg(long, value_name = "NAME", value_parser = repository)]
    repository: String,
    /// Tag of the image
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: String,
    /// Directory of the image, with what makes the next build faster
    #[arg(long, value_name = "DIR", default_value = ".longshore/image")]
    layout: PathBuf,
    /// Leave the layout and the repository as they are, and show what would be
    #[arg(long)]
    dry_run: bool,
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
    /// What builds: `embedded` needs nothing
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = engine)]
    engine: String,
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

fn engine(text: &str) -> Result<String, String> {
    match text {
        "auto" | "embedded" => Ok(text.to_owned()),
        "docker" | "podman" | "buildah" => {
            Err("not available yet; the engines are auto and embedded".to_owned())
        }
        _ => Err("the engines are auto and embedded".to_owned()),
    }
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let job = match self.command {
            Command::Build { place, source } => Job::Build(source.into_build(place)?),
            Command::Push { place } => Job::Push(place.into_push()),
            Command::Publish { place, source } => {
                let push = place.clone().into_push();
                Job::Publish(source.into_build(place)?, push)
            }
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
    fn into_push(self) -> push::Request {
        push::Request {
            layout: self.layout,
            repository: self.repository,
            tag: self.tag,
            dry_run: self.dry_run,
        }
    }
}

impl Source {
    fn into_build(self, place: Place) -> anyhow::Result<build::Request> {
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
            labels: self.label,
            repository: place.repository,
            tag: place.tag,
            layout: place.layout,
            epoch: self.source_date_epoch,
            codec: self.compression,
            threads: self.threads.map_or_else(crate::layer::threads, usize::from),
            secrets: self.secret,
            allow_secrets: self.allow_secrets_in_context,
            dry_run: place.dry_run,
        })
    }
}
