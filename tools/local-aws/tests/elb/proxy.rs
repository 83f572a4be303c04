//! Requests on their way to targets and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{App, Client, Local, answer, forward, get, target, text, within};

#[tokio::test]
async fn rules_decide_who_answers() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (web, api) = (local.group("web"), local.group("api"));
    let balancer = local.balancer("lb");
    let (listener, address) = local.listener(&balancer, &json!([forward(&web)]));
    let (web_app, api_app) = (App::start("web").await, App::start("api").await);
    for (priority, conditions, action) in [
        (
            20,
            json!([{ "Field": "path-pattern", "Values": ["/api/*"] }]),
            forward(&api),
        ),
        (
            10,
            json!([
                { "Field": "path-pattern", "Values": ["/api/old/*"] },
                { "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["GET"] } },
            ]),
            json!({ "Type": "redirect", "RedirectConfig": {
                "StatusCode": "HTTP_301", "Host": "new.#{host}", "Path": "/api/new" } }),
        ),
        (
            30,
            json!([{ "Field": "host-header", "Values": ["*.closed.io"] }]),
            json!({ "Type": "fixed-response", "FixedResponseConfig": {
                "StatusCode": "410", "ContentType": "text/plain", "MessageBody": "gone" } }),
        ),
    ] {
        local.call(
            "CreateRule",
            &json!({ "ListenerArn": listener, "Priority": priority, "Conditions": conditions, "Actions": [action] }),
        );
    }
    local.bring_in(&web, &web_app).await;
    local.bring_in(&api, &api_app).await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/").await.body, "web");
    assert_eq!(client.get("/api/x?y=z").await.body, "api");
    assert_eq!(client.get("/API/x").await.body, "web");
    let request = Request::get("/x").header("host", "www.CLOSED.io");
    let closed = client
        .send(request.body(Full::default()).unwrap())
        .await
        .unwrap();
    assert_eq!((closed.status, closed.body.as_str()), (410, "gone"));
    assert_eq!(
        closed.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(closed.header("server"), Some("awselb/2.0"));
    let moved = client.get("/api/old/1?q=1").await;
    assert_eq!(moved.status, 301);
    assert_eq!(
        moved.header("location").unwrap(),
        format!("http://new.127.0.0.1:{}/api/new?q=1", address.port())
    );
    let request = Request::put("/api/old/1").body(Full::default()).unwrap();
    assert_eq!(client.send(request).await.unwrap().body, "api");
}

#[tokio::test]
async fn weights_share_requests_out() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (blue, green) = (local.group("blue"), local.group("green"));
    let balancer = local.balancer("lb");
    let weights = |blue_weight: u32, green_weight: u32| {
        json!([{ "Type": "forward", "ForwardConfig": { "TargetGroups": [
            { "TargetGroupArn": blue, "Weight": blue_weight },
            { "TargetGroupArn": green, "Weight": green_weight },
        ] } }])
    };
    let (listener, address) = local.listener(&balancer, &weights(100, 0));
    let (blue_app, green_app) = (App::start("blue").await, App::start("green").await);
    local.bring_in(&blue, &blue_app).await;
    local.bring_in(&green, &green_app).await;
    let mut client = Client::connect(address).await;
    for (blue_weight, green_weight, least, most) in
        [(100, 0, 0, 0), (50, 50, 48, 52), (0, 100, 100, 100)]
    {
        local.call(
            "ModifyListener",
            &json!({ "ListenerArn": listener, "DefaultActions": weights(blue_weight, green_weight) }),
        );
        let mut green_answers = 0;
        for _ in 0..100 {
            green_answers += usize::from(client.get("/").await.body == "green");
        }
        assert!(
            (least..=most).contains(&green_answers),
            "{green_answers} of 100 at {blue_weight}:{green_weight}"
        );
    }
}

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

#[tokio::test]
async fn requests_go_to_the_least_busy_target_if_asked() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    local.call(
        "ModifyTargetGroupAttributes",
        &json!({ "TargetGroupArn": group, "Attributes": [
            { "Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests" }] }),
    );
    let release = Arc::new(Notify::new());
    let waiting = Arc::clone(&release);
    let slow = App::serve(move |request: Request<Incoming>| {
        let waiting = Arc::clone(&waiting);
        async move {
            if request.uri().path() == "/slow" {
                waiting.notified().await;
            }
            answer(200, "slow")
        }
    })
    .await;
    local.bring_in(&group, &slow).await;
    let held = tokio::spawn(async move { get(address, "/slow").await });
    within("the request arrives", async {
        while slow.seen.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let idle = App::start("idle").await;
    local.bring_in(&group, &idle).await;
    let mut client = Client::connect(address).await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.body, "idle");
    }
    release.notify_one();
    assert_eq!(held.await.unwrap().body, "slow");
}

#[tokio::test]
async fn a_deleted_listener_frees_its_port() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let balancer = local.balancer("lb");
    let fixed = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200", "MessageBody": "hi" } }]);
    let (arn, address) = local.listener(&balancer, &fixed);
    assert_eq!(get(address, "/").await.body, "hi");
    local.call("DeleteListener", &json!({ "ListenerArn": arn }));
    within("the port is free", async {
        while std::net::TcpListener::bind(address).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let described = local.call("DescribeListeners", &json!({ "LoadBalancerArn": balancer }));
    assert_eq!(described, json!({ "Listeners": [] }));
}

#[tokio::test]
async fn a_busy_port_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let balancer = local.balancer("lb");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let fixed =
        json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200" } }]);
    let error = local
        .try_call(
            "CreateListener",
            &json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": fixed }),
        )
        .unwrap_err();
    assert_eq!(error.code, "InvalidConfigurationRequest");
    let expected = format!("127.0.0.1:{port} cannot be bound: ");
    assert!(error.message.starts_with(&expected), "{}", error.message);
    assert_eq!(
        local.call("DescribeListeners", &json!({ "LoadBalancerArn": balancer })),
        json!({ "Listeners": [] })
    );
}

#[tokio::test]
async fn a_privileged_port_is_served_and_described_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let fixed = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200", "MessageBody": "hi" } }]);
    let mut ports = Vec::new();
    for name in ["one", "two"] {
        let balancer = local.balancer(name);
        let created = local.call(
            "CreateListener",
            &json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 1007, "DefaultActions": fixed }),
        );
        assert_eq!(created["Listeners"][0]["Port"], 1007);
        let address = local.address(&text(&created["Listeners"][0]["ListenerArn"]));
        assert_eq!(get(address, "/").await.body, "hi");
        ports.push(address.port());
    }
    // Two load balancers have one machine between them.
    assert_ne!(ports[0], ports[1]);
}
