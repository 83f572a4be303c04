//! What the tests do beside the programs: requests of visitors, the word to the patient, an endpoint for messages.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells every patient what to be, again and again: there may be new ones.
pub(crate) struct Control {
    words: Arc<Mutex<String>>,
    go_on: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Between two rounds; a patient that is to die shall not live long.
const ROUND: Duration = Duration::from_millis(15);

impl Control {
    /// `patients` gives the addresses of those that live.
    pub(crate) fn new(patients: impl Fn() -> Vec<String> + Send + 'static) -> Self {
        let words = Arc::new(Mutex::new(String::new()));
        let go_on = Arc::new(AtomicBool::new(true));
        let (told, going) = (Arc::clone(&words), Arc::clone(&go_on));
        let thread = std::thread::spawn(move || {
            while going.load(Ordering::Relaxed) {
                let words = told.lock().unwrap().replace(' ', "+");
                for patient in patients() {
                    // One that has died meanwhile hears nothing.
                    drop(get(&format!("http://{patient}/be?{words}")));
                }
                let pause = if words == "die" { 1 } else { 10 };
                std::thread::park_timeout(ROUND * pause);
            }
        });
        Self {
            words,
            go_on,
            thread: Some(thread),
        }
    }

    pub(crate) fn be(&self, words: &str) {
        words.clone_into(&mut self.words.lock().unwrap());
    }

    /// Says no more.
    pub(crate) fn end(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Visitors, one request after the other, as long as this value lives.
pub(crate) struct Visitors {
    go_on: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// How many come at a time, and how long each waits between two requests.
const VISITORS: usize = 4;
const PAUSE: Duration = Duration::from_millis(60);

impl Visitors {
    /// `url` is `http://HOST:PORT/`.
    pub(crate) fn of(url: &str) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let threads = (0..VISITORS)
            .map(|_| {
                let (go_on, url) = (Arc::clone(&go_on), url.to_owned());
                std::thread::spawn(move || {
                    while go_on.load(Ordering::Relaxed) {
                        // What comes of it is for the load balancer to count.
                        drop(get(&url));
                        std::thread::park_timeout(PAUSE);
                    }
                })
            })
            .collect();
        Self { go_on, threads }
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.go_on.store(false, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Status and body of one GET.
pub(crate) fn get(url: &str) -> std::io::Result<(u16, String)> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    Ok((status, answer))
}

/// An endpoint that confirms its subscription and keeps what it is told.
pub(crate) struct Hook {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let message = take(stream);
                if message["Type"] == "SubscriptionConfirmation" {
                    let url = message["SubscribeURL"].as_str().unwrap().to_owned();
                    // It may be that SNS waits for the answer that has just been given.
                    assert_eq!(get(&url).unwrap().0, 200, "{url}");
                }
                kept.lock().unwrap().push(message);
            }
        });
        Self { url, heard }
    }

    /// Subjects of the notifications, in their order.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter(|message| message["Type"] == "Notification")
            .map(|message| message["Subject"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn take(stream: TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut stream = reader.into_inner();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}
