//! The docker command line, which reads an env file itself and sends what it read to its daemon: here, to one
//! that only listens.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::{CASES, compare, file, is_there, plain, skipped, written};
use crate::target::docker;

/// Answers calls until one creates a container, and gives that call's body.
fn created(listener: &TcpListener) -> serde_json::Value {
    loop {
        let (stream, _) = listener.accept().expect("docker connects");
        if let Some(body) = served(stream) {
            return body;
        }
    }
}

/// The calls of one connection.
fn served(mut stream: TcpStream) -> Option<serde_json::Value> {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().expect("a length");
                }
                None => first = line,
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the whole body");
        let is_create = first.contains("/containers/create");
        let (status, answer) = if is_create {
            ("201 Created", "{\"Id\":\"c0ffee\",\"Warnings\":[]}")
        } else {
            ("200 OK", "OK")
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nOstype: linux\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .expect("docker reads the answer");
        if is_create {
            return Some(serde_json::from_slice(&body).expect("docker sends JSON"));
        }
    }
}

/// What docker makes of an env file.
fn read(text: &str) -> BTreeMap<String, String> {
    let file = file(text);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the listener's address");
    let settings = tempfile::tempdir().expect("a temporary directory");
    let daemon = std::thread::spawn(move || created(&listener));
    let output = Command::new("docker")
        .args(["create", "--env-file"])
        .arg(file.path())
        .arg("ludlow")
        .env("DOCKER_HOST", format!("tcp://{address}"))
        .env("DOCKER_CONFIG", settings.path())
        .env_remove("DOCKER_CONTEXT")
        .env_remove("DOCKER_TLS_VERIFY")
        .output()
        .expect("docker starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    // Checked before the daemon is waited for: docker that refused the file never came to it.
    assert!(output.status.success(), "{complaint}");
    let body = daemon.join().expect("the daemon was asked");
    body["Env"]
        .as_array()
        .expect("a list of variables")
        .iter()
        .filter_map(|variable| variable.as_str()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn docker_reads_back_what_is_written() {
    if !is_there("docker") {
        return skipped("docker", "its command line is not installed");
    }
    let (taken, text) = written(CASES / 3, docker::encode);
    compare(&read(&text), &taken);
}

#[test]
fn docker_takes_the_longest_line_that_is_written() {
    if !is_there("docker") {
        return skipped("docker", "its command line is not installed");
    }
    let longest = "x".repeat(65_535 - "T0_A=".len());
    let longer = format!("{longest}x");
    assert!(docker::encode(&[plain("T0_A", &longer)]).is_err());
    let values = [plain("T0_A", &longest), plain("T1_B", "after")];
    let text = docker::encode(&values).expect("both are taken");
    let taken = values.map(|value| (value.name.to_owned(), value.text.to_owned()));
    compare(&read(&text), &taken.into());
}
