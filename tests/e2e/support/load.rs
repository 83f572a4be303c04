//! Visitors: connections that send one request after another until they are told to stop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::web::{PATIENCE, parts};

/// A number of connections with requests on their way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    visitors: Vec<JoinHandle<Visit>>,
}

/// What one connection went through.
#[derive(Default)]
struct Visit {
    failures: Vec<String>,
    last: String,
}

/// What all connections went through.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visits {
    /// Everything but an answer 200, in words.
    pub(crate) failures: Vec<String>,
    /// How many requests were answered 200.
    pub(crate) answered: u64,
    /// The last answer of each connection.
    pub(crate) last: Vec<String>,
}

impl Load {
    /// Begins to ask for `url` on `connections` connections, and returns once every one has had an answer.
    pub(crate) fn on(url: &str, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let visitors = (0..connections)
            .map(|_| {
                let (host, path) = parts(url);
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                let (ready, first) = std::sync::mpsc::channel();
                let visitor = thread::spawn(move || visit(&host, &path, &stop, &answered, &ready));
                first.recv_timeout(PATIENCE).unwrap();
                visitor
            })
            .collect();
        Self {
            stop,
            answered,
            visitors,
        }
    }

    /// Lets every connection finish its request, and says how it went.
    pub(crate) fn end(self) -> Visits {
        // The last answers come after everything that the test has done.
        let before = self.answered.load(Ordering::SeqCst);
        let enough = before + 4 * self.visitors.len() as u64;
        while self.answered.load(Ordering::SeqCst) < enough
            && self.visitors.iter().any(|visitor| !visitor.is_finished())
        {
            thread::yield_now();
        }
        self.stop.store(true, Ordering::SeqCst);
        let visits: Vec<Visit> = self
            .visitors
            .into_iter()
            .map(|visitor| visitor.join().unwrap())
            .collect();
        Visits {
            answered: self.answered.load(Ordering::SeqCst),
            last: visits.iter().map(|visit| visit.last.clone()).collect(),
            failures: visits
                .into_iter()
                .flat_map(|visit| visit.failures)
                .collect(),
        }
    }
}

fn visit(
    host: &str,
    path: &str,
    stop: &AtomicBool,
    answered: &AtomicU64,
    ready: &std::sync::mpsc::Sender<()>,
) -> Visit {
    let mut visit = Visit::default();
    let mut connection = None;
    // A visitor who is always refused says so and leaves.
    while !stop.load(Ordering::SeqCst) && visit.failures.len() < 20 {
        match ask(&mut connection, host, path) {
            Ok((200, body)) => {
                visit.last = body;
                answered.fetch_add(1, Ordering::SeqCst);
            }
            Ok((status, body)) => visit.failures.push(format!("answered {status}: {body}")),
            Err(error) => {
                connection = None;
                visit.failures.push(error.to_string());
            }
        }
        ready.send(()).unwrap_or_default();
    }
    visit
}

/// One request on the connection that is open, or on a new one.
fn ask(
    connection: &mut Option<BufReader<TcpStream>>,
    host: &str,
    path: &str,
) -> std::io::Result<(u16, String)> {
    let mut reader = match connection.take() {
        Some(reader) => reader,
        None => {
            let stream = TcpStream::connect(host)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            BufReader::new(stream)
        }
    };
    write!(
        reader.get_mut(),
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::Error::other(format!(
                "the connection was closed after {head:?}"
            )));
        }
    }
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    if !header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *connection = Some(reader);
    }
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
