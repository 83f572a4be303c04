//! A CloudWatch that does what a test says: an HTTP server on a port of its own, each connection on a thread.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

/// What comes back.
pub(crate) enum Answer {
    /// A body, and the server's clock in milliseconds since 1970 (none: no header).
    Body(String, Option<i64>),
    /// An error of the JSON protocol.
    Error(u16, &'static str, &'static str),
    /// An event stream, which then ends with the connection.
    Stream(Vec<u8>),
    /// The connection is closed.
    Cut,
}

/// A running server. It ends with the test's process.
pub(crate) struct Server {
    pub(crate) endpoint: String,
}

impl Server {
    /// Answers every call by `answer`, which gets the operation's name and input.
    pub(crate) fn start(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(stream.unwrap(), &*answer));
            }
        });
        Self { endpoint }
    }

    /// The program, pointed at this server.
    pub(crate) fn log_tailer(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_log-tailer"));
        command.args(arguments).env_clear();
        self.reached_by(&mut command);
        command
    }

    /// Points another program at this server.
    pub(crate) fn reached_by(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }
}

fn serve(stream: TcpStream, answer: &(impl Fn(&str, &Value) -> Answer + ?Sized)) {
    stream.set_nodelay(true).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((operation, input)) = request(&mut reader) {
        let (status, head, body) = match answer(&operation, &input) {
            Answer::Cut => return,
            Answer::Stream(messages) => {
                let head = "HTTP/1.1 200 x\r\nContent-Type: application/vnd.amazon.eventstream\r\nConnection: close\r\n\r\n";
                writer.write_all(head.as_bytes()).unwrap();
                writer.write_all(&messages).unwrap();
                return;
            }
            Answer::Body(body, clock) => {
                let date = clock.map_or_else(String::new, |clock| {
                    format!("Date: {}\r\n", http_date(clock))
                });
                (200, date, body)
            }
            Answer::Error(status, code, message) => {
                let body = serde_json::json!({ "__type": code, "message": message });
                (status, String::new(), body.to_string())
            }
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\n{head}Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        // A client that was ended does not read its answer.
        if writer.write_all(head.as_bytes()).is_err() || writer.write_all(body.as_bytes()).is_err()
        {
            return;
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut length = 0;
    let mut operation = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-amz-target" => {
                let (_, name) = value.trim().split_once('.').unwrap();
                name.clone_into(&mut operation);
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((operation, serde_json::from_slice(&body).unwrap_or_default()))
}

/// `Tue, 24 Nov 2026 09:00:00 GMT`.
fn http_date(milliseconds: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Milliseconds of a line's `timestamp`.
pub(crate) fn milliseconds(line: &Value) -> i64 {
    let text = line["timestamp"].as_str().unwrap();
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// The AWS CLI 2, whose `aws logs tail` is the peer: among the pinned clients or on the path.
pub(crate) fn aws_cli_2() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let clients = std::env::var_os("LONGSHORE_AWS_CLIENTS").map(PathBuf::from);
    clients
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join("aws"))
        .find(|program| {
            program.is_file()
                && Command::new(program)
                    .arg("--version")
                    .output()
                    .is_ok_and(|output| output.stdout.starts_with(b"aws-cli/2"))
        })
}
