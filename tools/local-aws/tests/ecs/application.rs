//! The application of the tasks: this very test program, called by the image's script.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

/// What an application does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers 200 and its name, until somebody asks for `/end`.
    Works,
    /// Answers 503.
    Fails,
    /// Ends with a failure at once.
    Crashes,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Fails => "fails",
            Self::Crashes => "crashes",
        }
    }
}

/// Not a test where the variables of a task are missing: it is how the image's script starts the application.
#[test]
fn application() {
    let (Ok(mode), Ok(name)) = (std::env::var("APP_MODE"), std::env::var("APP_NAME")) else {
        return;
    };
    assert_ne!(mode, Mode::Crashes.as_str(), "told to crash");
    let status = if mode == Mode::Works.as_str() {
        "200 OK"
    } else {
        "503 Service Unavailable"
    };
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{name}",
            name.len()
        );
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        if head
            .first()
            .is_some_and(|line| line.starts_with("GET /end "))
        {
            return;
        }
        // A client that goes away before its answer is no reason to end.
        stream.write_all(answer.as_bytes()).unwrap_or_default();
    }
}
