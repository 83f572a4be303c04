//! `local-aws serve`: one server on one state directory, from start to stop.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use task_runtime::{Capability, Runtime, THIS_EXECUTABLE};
use tokio::signal::unix::{SignalKind, signal};
use toolkit::console::Verbosity;
use toolkit::output::Lines;
use toolkit::{Console, Fault};

use crate::account::Account;
use crate::cli::Isolation;
use crate::clock::Clock;
use crate::cloud::{Cloud, Settings};
use crate::directory::{Directory, Endpoint};
use crate::server::{Front, Tasks};
use crate::state::{Document, Store};

/// AWS has no account of this number.
const ACCOUNT: &str = "000000000000";

/// What to serve.
#[derive(Debug)]
pub struct Request {
    /// The directory of the state.
    pub state: PathBuf,
    /// The port; without one the port of the last time, or a free one.
    pub port: Option<u16>,
    /// How many times faster than AWS its waits pass; above 0.
    pub speed: f64,
    /// The region that ARNs name; without one the region of the last time, or `us-east-1`.
    pub region: Option<String>,
    /// How tasks run.
    pub runtime: Isolation,
    /// How much the server says.
    pub verbosity: Verbosity,
}

/// What must stay the same from start to start, because resources name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    port: u16,
    region: String,
}

impl Document for Identity {
    const KIND: &'static str = "server-identity";
    fn key(&self) -> String {
        String::new()
    }
}

/// Serves until SIGTERM, SIGINT, or a shutdown request.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Arc::new(Console::new(request.verbosity));
    let directory = Directory::create(&request.state)?;
    let lock = directory.lock()?;
    let store = Arc::new(Store::open(&directory.database()?)?);
    let known: Option<Identity> = store.get("")?;
    let region = region(request.region.as_deref(), known.as_ref())?;
    let listener = bind(request.port, known.as_ref().map(|known| known.port))?;
    let address = listener.local_addr()?;
    store.put(&Identity {
        port: address.port(),
        region: region.clone(),
    })?;
    let settings = Settings {
        account: Account {
            id: ACCOUNT.to_owned(),
            region,
        },
        clock: Clock::new(request.speed),
        endpoint_host: address.to_string(),
        runtime: runtime_of(request.runtime, &directory, &console)?,
        console: Arc::clone(&console),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let endpoint = Endpoint {
        endpoint: format!("http://{address}"),
        pid: std::process::id(),
        state: directory.path().to_owned(),
    };
    let served = runtime.block_on(serve(
        listener, store, settings, &directory, &endpoint, &console,
    ));
    // Operations that still write must not outlive the lock.
    drop(runtime);
    drop(lock);
    served.map(|()| contract::exit::DONE)
}

async fn serve(
    listener: TcpListener,
    store: Arc<Store>,
    settings: Settings,
    directory: &Directory,
    endpoint: &Endpoint,
    console: &Arc<Console>,
) -> anyhow::Result<()> {
    let speed = settings.clock.speed();
    let cloud = Arc::new(Cloud::open(store, directory.path(), settings)?);
    cloud.start()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let front = Front::new(
        Arc::clone(&cloud),
        Arc::clone(console),
        endpoint.endpoint.clone(),
    );
    tokio::spawn(stop_on_signal(Arc::clone(&front))?);
    directory.announce(endpoint)?;
    Lines::default().json(&contract::document::labelled(endpoint))?;
    console.status(&format!(
        "local AWS at {}, state in {}, {speed} times AWS's pace",
        endpoint.endpoint,
        directory.path().display()
    ));
    let tasks = front.serve(listener).await;
    let ecs = Arc::clone(&cloud.ecs);
    tokio::task::spawn_blocking(move || ecs.shut_down(tasks == Tasks::Stop))
        .await
        .context("cannot end the scheduler")?;
    match tasks {
        Tasks::Keep => console.status("stopped; tasks that ran run on"),
        Tasks::Stop => console.status("stopped, and the tasks with it"),
    }
    directory.withdraw()
}

/// Listens for the signals now; the future waits for one of them.
fn stop_on_signal(front: Arc<Front>) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        front.stop(Tasks::Keep);
    })
}

/// Finds out how tasks can run here, by running one.
fn runtime_of(
    wanted: Isolation,
    directory: &Directory,
    console: &Console,
) -> anyhow::Result<Runtime> {
    let executable = Path::new(THIS_EXECUTABLE);
    let runtime = match wanted {
        Isolation::Process => Runtime::process(executable, "asked for by --runtime process", false),
        Isolation::Auto | Isolation::Namespaces => Runtime::detect(executable, directory.path())
            .context("cannot run tasks on this machine")?,
    };
    match runtime.capability() {
        Capability::Namespaces { overlay: true, .. } => {}
        Capability::Namespaces { overlay: false, .. } => {
            console.status("no overlay file system here: each task gets a copy of its image");
        }
        Capability::Process { reason, .. } if wanted == Isolation::Namespaces => {
            return Err(Fault::new(contract::exit::FAILED, format!("this machine refuses namespaces: {reason}"))
                .with_hint("start it with --runtime auto to run tasks as plain processes")
                .into());
        }
        Capability::Process { reason, .. } => console.warning(&format!(
            "TASKS ARE NOT ISOLATED: they run as plain processes, with this user's rights and files ({reason})"
        )),
    }
    Ok(runtime)
}

fn region(asked: Option<&str>, known: Option<&Identity>) -> anyhow::Result<String> {
    match (asked, known) {
        (Some(asked), Some(known)) if asked != known.region => Err(Fault::usage(format!(
            "this state is of the region {}, not {asked}: its ARNs name it",
            known.region
        ))
        .with_hint("leave --region out, or use another state directory")
        .into()),
        (_, Some(known)) => Ok(known.region.clone()),
        (asked, None) => Ok(asked.unwrap_or("us-east-1").to_owned()),
    }
}

fn bind(asked: Option<u16>, known: Option<u16>) -> anyhow::Result<TcpListener> {
    let port = asked.or(known).unwrap_or(0);
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(|error| {
        let fault = Fault::new(
            contract::exit::FAILED,
            format!("cannot listen on 127.0.0.1:{port}: {error}"),
        );
        let hint = if asked.is_none() {
            "the images of this state are named after this port: end what uses it, or move with --port N and push again"
        } else {
            "choose another --port, or leave it out"
        };
        fault.with_hint(hint).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Identity {
        Identity {
            port: 1,
            region: "eu-west-1".to_owned(),
        }
    }

    #[test]
    fn stays_in_its_region() {
        assert_eq!(region(None, None).unwrap(), "us-east-1");
        assert_eq!(region(Some("eu-west-1"), None).unwrap(), "eu-west-1");
        assert_eq!(region(None, Some(&known())).unwrap(), "eu-west-1");
        assert_eq!(
            region(Some("us-east-1"), Some(&known()))
                .unwrap_err()
                .to_string(),
            "this state is of the region eu-west-1, not us-east-1: its ARNs name it"
        );
    }

    #[test]
    fn names_the_port_that_is_taken() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind(None, Some(port)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot listen on 127.0.0.1:{port}: Address already in use (os error 98)")
        );
    }
}
