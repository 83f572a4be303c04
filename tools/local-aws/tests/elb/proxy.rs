//! Requests on their way to targets and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{App, Client, Local, answer, get, target, within};

/// Answers with the request's head as the application got it.
async fn mirror(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut lines = vec![format!("{} {}", request.method(), request.uri())];
    for (name, value) in request.headers() {
        lines.push(format!(
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    let mut response = answer(200, lines.join("\n"));
    let headers = response.headers_mut();
    headers.insert("x-app", "1".parse().unwrap());
    headers.insert("server", "app/1".parse().unwrap());
    headers.insert("keep-alive", "timeout=5".parse().unwrap());
    headers.insert("connection", "x-private".parse().unwrap());
    headers.insert("x-private", "1".parse().unwrap());
    response
}

#[tokio::test]
async fn headers_are_those_of_the_load_balancer_of_aws() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::serve(mirror).await;
    local.bring_in(&group, &app).await;
    let request = Request::get("/a?b")
        .header("host", "www.ludlow.io")
        .header("x-forwarded-for", "1.2.3.4")
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("te", "trailers")
        .body(Full::default())
        .unwrap();
    let answered = Client::connect(address).await.send(request).await.unwrap();
    let mut lines: Vec<&str> = answered.body.lines().collect();
    let trace = lines
        .iter()
        .position(|line| line.starts_with("x-amzn-trace-id: Root=1-"));
    lines.remove(trace.expect("a trace id"));
    lines.sort_unstable();
    let port = format!("x-forwarded-port: {}", address.port());
    assert_eq!(
        lines,
        [
            "GET /a?b",
            "host: www.ludlow.io",
            "x-forwarded-for: 1.2.3.4, 127.0.0.1",
            port.as_str(),
            "x-forwarded-proto: http",
        ]
    );
    assert_eq!(answered.header("x-app"), Some("1"));
    assert_eq!(answered.header("server"), Some("app/1"));
    assert_eq!(answered.header("keep-alive"), None);
    assert_eq!(answered.header("x-private"), None);
}

#[tokio::test]
async fn the_absolute_form_of_a_request_names_its_host() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::serve(mirror).await;
    local.bring_in(&group, &app).await;
    let request = Request::get("http://other.io:81/a?b")
        .header("host", "ignored.io")
        .body(Full::default())
        .unwrap();
    let answered = Client::connect(address).await.send(request).await.unwrap();
    let mut lines = answered.body.lines();
    assert_eq!(lines.next(), Some("GET /a?b"));
    assert!(
        answered.body.contains("\nhost: other.io:81"),
        "{}",
        answered.body
    );
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    // Echoes each piece as it comes, so the first must arrive before the second is sent.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(echo(stream));
        }
    });
    local.elb.register(&group, &target(app)).unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    within(
        "the first piece comes back",
        read_until(&mut client, "first"),
    )
    .await;
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    within(
        "the second piece comes back",
        read_until(&mut client, "second"),
    )
    .await;
}

/// Answers a chunked request with its own pieces.
async fn echo(mut stream: TcpStream) {
    let head = read_until(&mut stream, "\r\n\r\n").await;
    let reply = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(reply.as_bytes()).await.unwrap();
    let begun = head.split_once("\r\n\r\n").unwrap().1.to_owned();
    stream.write_all(begun.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await.ok();
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(end) {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the connection ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

#[tokio::test]
async fn large_bodies_arrive_whole() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::serve(|request: Request<Incoming>| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        answer(200, body)
    })
    .await;
    local.bring_in(&group, &app).await;
    let body: Bytes = (0..3_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 4])
        .collect();
    let mut client = Client::connect(address).await;
    for _ in 0..3 {
        let request = Request::post("/").body(Full::new(body.clone())).unwrap();
        let response = client.raw(request).await.unwrap();
        let got = within("the body ends", response.into_body().collect())
            .await
            .unwrap();
        assert!(got.to_bytes() == body);
    }
}

#[tokio::test]
async fn connections_to_targets_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1.0);
    let (group, address) = local.simple();
    let accepted = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = listener.local_addr().unwrap();
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let mut fresh = true;
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    if fresh && !request.contains("ELB-HealthChecker") {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    fresh = false;
                    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            });
        }
    });
    local.elb.register(&group, &target(app)).unwrap();
    for _ in 0..5 {
        // Each client has a connection of its own; behind the load balancer they share one.
        assert_eq!(get(address, "/").await.body, "ok");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn upgraded_connections_pass_bytes_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = listener.local_addr().unwrap();
    let (head, heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = head.clone();
            tokio::spawn(async move {
                let request = read_until(&mut stream, "\r\n\r\n").await;
                if request.contains("ELB-HealthChecker") {
                    return;
                }
                head.send(request).ok();
                let reply = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\nhello ";
                stream.write_all(reply.as_bytes()).await.unwrap();
                let said = read_until(&mut stream, "\n").await;
                stream
                    .write_all(said.to_uppercase().as_bytes())
                    .await
                    .unwrap();
            });
        }
    });
    let mut heard = heard;
    local.elb.register(&group, &target(app)).unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let request =
        "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: shout\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let reply = within("the greeting", read_until(&mut client, "hello ")).await;
    assert!(
        reply.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{reply}"
    );
    assert!(reply.contains("upgrade: shout\r\n"), "{reply}");
    client.write_all(b"good day\n").await.unwrap();
    within("the echo", read_until(&mut client, "GOOD DAY\n")).await;
    // The application ended; so does the client's side.
    assert_eq!(
        within("the end", client.read(&mut [0; 16])).await.unwrap(),
        0
    );
    let head = heard.recv().await.unwrap();
    assert!(head.contains("upgrade: shout\r\n"), "{head}");
}

#[tokio::test]
async fn answers_without_bodies_keep_their_heads() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::serve(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/none" => answer(204, ""),
            "/same" => answer(304, ""),
            _ => answer(200, "0123456789"),
        }
    })
    .await;
    local.bring_in(&group, &app).await;
    let mut client = Client::connect(address).await;
    let head = Request::head("/").body(Full::default()).unwrap();
    let answered = client.send(head).await.unwrap();
    assert_eq!(answered.header("content-length"), Some("10"));
    assert_eq!(answered.body, "");
    assert_eq!(client.get("/none").await.status, 204);
    assert_eq!(client.get("/same").await.status, 304);
    assert_eq!(client.get("/").await.body, "0123456789");
}

#[tokio::test]
async fn old_clients_are_served_and_bad_ones_refused() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::start("ok").await;
    local.bring_in(&group, &app).await;
    let raw = |request: &'static str| async move {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        within("the reply ends", client.read_to_string(&mut reply))
            .await
            .unwrap();
        reply
    };
    let old = raw("GET / HTTP/1.0\r\n\r\n").await;
    assert!(
        old.starts_with("HTTP/1.0 200 OK\r\n") && old.ends_with("\r\n\r\nok"),
        "{old}"
    );
    let nameless = raw("GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(
        nameless.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{nameless}"
    );
    let garbage = raw("no http\r\n\r\n").await;
    assert!(
        garbage.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{garbage}"
    );
    let mut client = Client::connect(address).await;
    let trace = Request::builder()
        .method(Method::TRACE)
        .uri("/")
        .body(Full::default())
        .unwrap();
    let refused = client.send(trace).await.unwrap();
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED.as_u16());
    assert_eq!(refused.header("server"), Some("awselb/2.0"));
}
