//! Starts the real binary on a free port and speaks HTTP to it by hand, to see every byte of a stop.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Longer than anything takes here: reached only when the service hangs.
const DEADLINE: Duration = Duration::from_secs(20);

fn command(vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ludlow"));
    command
        .env_clear()
        .env("PORT", "0")
        .env("HOSTNAME", "task-1")
        .envs(vars.iter().copied());
    command
}

fn run(vars: &[(&str, &str)]) -> Output {
    command(vars).output().expect("the binary starts")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8 on stderr")
}

/// A running service, killed when a test gives it up.
struct Service {
    child: Child,
    lines: Receiver<String>,
    address: String,
}

impl Service {
    fn start(vars: &[(&str, &str)]) -> Self {
        let mut child = command(vars)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let read = stdout.lines().map_while(Result::ok);
            read.take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        let mut service = Self {
            child,
            lines,
            address: String::new(),
        };
        let listening = service.wait_for("listening");
        let bound = text_member(&listening, "address");
        let port = bound.strip_prefix("0.0.0.0:").expect("every interface");
        service.address = format!("127.0.0.1:{port}");
        service
    }

    /// The next line of that event; what comes before is skipped.
    fn wait_for(&self, event: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|error| panic!("no line {event:?}: {error}"));
            if text_member(&line, "event") == event {
                return line;
            }
        }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).expect("the service listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time-out above zero");
        Connection(BufReader::new(stream))
    }

    fn ask(&self, method: &str, target: &str) -> Answer {
        let mut connection = self.connect();
        connection.send(&format!("{method} {target} HTTP/1.1\r\nhost: test\r\n\r\n"));
        connection.answer(method == "HEAD")
    }

    /// Through the shell's own `kill`, which is everywhere.
    fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("there is a shell").success(), "{kill}");
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().expect("the service is ours").code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Fails only for a process that has ended, which is what is wanted.
        self.child.kill().unwrap_or(());
        self.child.wait().expect("the service is ours");
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn send(&mut self, bytes: &str) {
        let sent = self.0.get_mut().write_all(bytes.as_bytes());
        sent.expect("the connection is open");
    }

    fn answer(&mut self, without_body: bool) -> Answer {
        let status = self.line();
        let status = status.strip_prefix("HTTP/1.1 ").expect("HTTP/1.1");
        let status = status[..3].parse().expect("a number");
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").expect("a header");
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
        };
        if !without_body {
            let length = answer.header("content-length").expect("a known length");
            let mut body = vec![0; length.parse().expect("a number")];
            self.0.read_exact(&mut body).expect("the whole body");
            answer.body = String::from_utf8(body).expect("UTF-8");
        }
        answer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        line.strip_suffix("\r\n").expect("a whole line").to_owned()
    }

    /// What comes until the service closes the connection.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("an orderly close");
        rest
    }
}

/// A text member of a log line; the values looked at here hold nothing escaped.
fn text_member<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line
        .split_once(&format!("\"{name}\":\""))
        .unwrap_or_else(|| panic!("no {name:?} in {line}"));
    rest.split('"').next().expect("split gives a first part")
}

/// The members of a log line but for its clock readings, which are the leading time and the trailing duration.
fn without_clock(line: &str) -> &str {
    let (_, members) = line.split_once(',').expect("time comes first");
    let members = members.strip_suffix('}').expect("an object");
    members
        .split(",\"ms\":")
        .next()
        .expect("split gives a first part")
}

#[test]
fn answers_every_route() {
    let service = Service::start(&[("APP_VERSION", "1.2.3"), ("APP_COMMIT", "abc123")]);
    let version = "{\"name\":\"ludlow\",\"version\":\"1.2.3\",\"commit\":\"abc123\"}\n";
    let cases = [
        ("GET", "/", 200, "ludlow 1.2.3 on task-1\n"),
        ("GET", "/healthz", 200, "ok\n"),
        ("GET", "/version", 200, version),
        ("GET", "/slow?ms=1", 200, "answered after 1 ms\n"),
        ("GET", "/nothing", 404, "no such path\n"),
        ("POST", "/", 405, "only GET and HEAD\n"),
    ];
    for (method, target, status, body) in cases {
        let answer = service.ask(method, target);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{target}"
        );
        let line = service.wait_for("request");
        let path = target.split('?').next().expect("split gives a first part");
        let expected =
            format!(r#""event":"request","method":"{method}","path":"{path}","status":{status}"#);
        assert_eq!(without_clock(&line), expected);
    }
}

#[test]
fn describes_its_answers_in_headers() {
    let service = Service::start(&[]);
    let version = service.ask("GET", "/version");
    assert_eq!(version.header("content-type"), Some("application/json"));
    assert_eq!(
        service.ask("DELETE", "/").header("allow"),
        Some("GET, HEAD")
    );
    let head = service.ask("HEAD", "/healthz");
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("3"))
    );
}

#[test]
fn refuses_a_body_over_the_limit_and_goes_on() {
    let service = Service::start(&[]);
    let mut connection = service.connect();
    let body = "x".repeat(64 * 1024 + 1);
    let head = format!(
        "GET / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.send(&head);
    connection.send(&body);
    let answer = connection.answer(false);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (413, "the body is too large\n")
    );
    assert_eq!(service.ask("GET", "/healthz").status, 200);
}

#[test]
fn keeps_a_connection_open_between_requests() {
    let service = Service::start(&[]);
    let mut connection = service.connect();
    for _ in 0..3 {
        connection.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
        let answer = connection.answer(false);
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
}

#[test]
fn finishes_what_is_in_flight_and_closes_the_rest_when_stopped() {
    let service = Service::start(&[("LOG_LEVEL", "debug")]);
    let mut idle = service.connect();
    idle.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(idle.answer(false).status, 200);
    service.wait_for("request");
    // In flight for as long as its body is held back, so that nothing here depends on time.
    let mut in_flight = service.connect();
    in_flight.send("GET /slow?ms=1 HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n");
    service.wait_for("received");

    service.terminate();

    let expected = r#""event":"stopping","signal":"SIGTERM","connections":2"#;
    assert_eq!(without_clock(&service.wait_for("stopping")), expected);
    assert_eq!(idle.rest(), "");
    let refused = TcpStream::connect(&service.address).expect_err("the listener is closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    in_flight.send("body");
    let answer = in_flight.answer(false);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "answered after 1 ms\n")
    );
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(in_flight.rest(), "");
    let expected = r#""event":"stopped","drained":true"#;
    assert_eq!(without_clock(&service.wait_for("stopped")), expected);
    assert_eq!(service.exit_code(), Some(0));
}

#[test]
fn gives_up_on_what_outlasts_the_grace() {
    let service = Service::start(&[("LOG_LEVEL", "debug"), ("SHUTDOWN_GRACE_SECONDS", "0")]);
    let mut endless = service.connect();
    endless.send("GET /slow?ms=30000 HTTP/1.1\r\nhost: test\r\n\r\n");
    service.wait_for("received");
    service.terminate();
    let expected = r#""event":"stopped","drained":false"#;
    assert_eq!(without_clock(&service.wait_for("stopped")), expected);
    assert_eq!(endless.rest(), "");
    assert_eq!(service.exit_code(), Some(0));
}

#[test]
fn tells_only_start_and_stop_when_quiet() {
    let service = Service::start(&[("LOG_LEVEL", "quiet")]);
    assert_eq!(service.ask("GET", "/").status, 200);
    service.terminate();
    let events: Vec<String> = service.lines.iter().collect();
    let events: Vec<&str> = events
        .iter()
        .map(|line| text_member(line, "event"))
        .collect();
    assert_eq!(events, ["stopping", "stopped"]);
}

#[test]
fn fails_its_health_check_on_demand_while_all_else_works() {
    let service = Service::start(&[("LUDLOW_UNHEALTHY", "1")]);
    let health = service.ask("GET", "/healthz");
    assert_eq!(health.status, 500);
    assert_eq!(health.body, "unhealthy, as LUDLOW_UNHEALTHY=1 asks\n");
    assert_eq!(service.ask("GET", "/").status, 200);
}

#[test]
fn crashes_at_start_on_demand() {
    let output = run(&[("LUDLOW_CRASH", "start")]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "ludlow: fatal: crash at start, as LUDLOW_CRASH=start asks\n"
    );
    assert_eq!(output.stdout, b"");
}

#[test]
fn crashes_later_on_demand() {
    let output = run(&[("LUDLOW_CRASH", "after:0")]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "ludlow: fatal: crash, as LUDLOW_CRASH=after:0 asks\n"
    );
}

#[test]
fn reports_every_wrong_variable_and_exits_2() {
    let output = run(&[("PORT", "http"), ("LOG_LEVEL", "loud")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "ludlow: fatal: PORT=\"http\": must be a port from 0 to 65535\n\
         ludlow: fatal: LOG_LEVEL=\"loud\": must be quiet, info or debug\n"
    );
}

#[test]
fn names_a_port_that_is_taken() {
    let taken = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let reason = TcpListener::bind(address).expect_err("it is taken");
    let output = run(&[("PORT", &address.port().to_string())]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!("ludlow: fatal: cannot listen on {address}: {reason}\n")
    );
}
