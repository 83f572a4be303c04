//! A small HTTP service: starts from environment variables, answers, and stops without dropping a request.
//!
//! [`config`] reads the environment, [`routes`] decides what to answer, [`server`] owns the sockets and the
//! stop, [`log`] writes one JSON object a line. Where the service runs is none of its business: it knows no
//! cluster, no load balancer and no cloud API.

pub mod config;
pub mod json;
pub mod log;
pub mod routes;
pub mod server;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;

use config::{Config, Crash};
use log::Log;
use routes::About;

/// Runs until a signal stops it. Exit codes: 0 stopped by a signal, 1 failed, 2 wrong configuration.
pub fn run(
    args: impl Iterator<Item = OsString>,
    var: impl Fn(&str) -> Option<OsString>,
) -> ExitCode {
    let config = match Config::read(args, var) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                log::fatal(problem);
            }
            return ExitCode::from(2);
        }
    };
    match start(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::fatal(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn start(config: Config) -> Result<(), Box<dyn Error>> {
    if config.crash == Some(Crash::Start) {
        return Err("crash at start, as LUDLOW_CRASH=start asks".into());
    }
    let log = Log::new(config.log_level);
    let about = About {
        name: env!("CARGO_PKG_NAME"),
        version: config.version,
        commit: config.commit,
        host: config.host.unwrap_or_else(kernel_host_name),
        unhealthy: config.unhealthy,
    };
    let serving = server::serve(config.port, config.shutdown_grace, about, log);
    // One thread is what a quarter of a core can feed.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let Some(Crash::After(delay)) = config.crash else {
            return Ok(serving.await?);
        };
        match tokio::time::timeout(delay, serving).await {
            Ok(stopped) => Ok(stopped?),
            Err(_elapsed) => {
                Err(format!("crash, as LUDLOW_CRASH=after:{} asks", delay.as_secs()).into())
            }
        }
    })
}

/// The name that the kernel gives this machine or container; an image from scratch may have no /proc.
fn kernel_host_name() -> String {
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(name) => name.trim_end().to_owned(),
        Err(_unreadable) => "unknown".to_owned(),
    }
}
