//! What clients get when targets fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use http_body_util::Full;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{App, Client, Local, free_port, get, hears, target, within};

/// A target that answers every request with these bytes and closes the connection.
async fn canned(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                if hears(&mut stream).await {
                    stream.write_all(reply.as_bytes()).await.ok();
                }
            });
        }
    });
    address
}

async fn expect_error(address: SocketAddr, status: u16, title: &str) {
    let answered = get(address, "/").await;
    assert_eq!(answered.status, status);
    assert_eq!(answered.header("server"), Some("awselb/2.0"));
    assert_eq!(answered.header("content-type"), Some("text/html"));
    assert_eq!(
        answered.body,
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        )
    );
}

#[tokio::test]
async fn a_group_without_targets_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (_, address) = local.simple();
    expect_error(address, 503, "503 Service Temporarily Unavailable").await;
}

#[tokio::test]
async fn a_target_that_does_not_speak_http_is_a_bad_gateway() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let nobody: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    let replies = [
        nobody,
        canned("").await,
        canned("not http at all\r\n\r\n").await,
        canned("HTTP/1.1 200 OK\r\ncontent-le").await,
        canned("HTTP/1.1 101 Switching Protocols\r\n\r\n").await,
    ];
    for app in replies {
        let target = target(app);
        local.elb.register(&group, &target).unwrap();
        expect_error(address, 502, "502 Bad Gateway").await;
        local.elb.deregister(&group, &target).unwrap();
    }
}

#[tokio::test]
async fn a_target_that_does_not_answer_times_out() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let balancers = local.call("DescribeLoadBalancers", &json!({}));
    local.call(
        "ModifyLoadBalancerAttributes",
        &json!({
            "LoadBalancerArn": balancers["LoadBalancers"][0]["LoadBalancerArn"],
            "Attributes": [{ "Key": "idle_timeout.timeout_seconds", "Value": "1" }],
        }),
    );
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    local
        .elb
        .register(&group, &target(silent.local_addr().unwrap()))
        .unwrap();
    expect_error(address, 504, "504 Gateway Time-out").await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_off_as_whole() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = canned("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    local.elb.register(&group, &target(app)).unwrap();
    let request = Request::get("/").body(Full::default()).unwrap();
    let error = Client::connect(address)
        .await
        .send(request)
        .await
        .unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
}

/// A target that answers the first request of each connection, and closes it at the second.
async fn forgetful(seen: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                if !hears(&mut stream).await {
                    return;
                }
                let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(reply.as_bytes()).await.ok();
                if hears(&mut stream).await {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_kept_connection_that_turns_out_closed_costs_no_request_that_may_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1.0);
    let (group, address) = local.simple();
    let seen = Arc::new(AtomicUsize::new(0));
    let app = forgetful(Arc::clone(&seen)).await;
    local.elb.register(&group, &target(app)).unwrap();
    let mut client = Client::connect(address).await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.status, 200);
    }
    assert!(seen.load(Ordering::SeqCst) >= 4);
    // Nobody knows whether the target has acted on it, so it is not sent twice.
    let post = Request::post("/").body(Full::from("x")).unwrap();
    assert_eq!(client.send(post).await.unwrap().status, 502);
}

#[tokio::test]
async fn only_healthy_targets_get_requests_unless_there_are_none() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let sick = App::serve(|request: Request<hyper::body::Incoming>| async move {
        let status = if request.uri().path() == "/healthz" {
            500
        } else {
            200
        };
        crate::support::answer(status, "sick")
    })
    .await;
    local.register(&group, &sick);
    let unhealthy = Some(local_aws::elb::TargetState::Unhealthy);
    local.until(&group, &sick.target(), unhealthy).await;
    assert_eq!(get(address, "/").await.body, "sick");
    let well = App::start("well").await;
    local.bring_in(&group, &well).await;
    let mut client = Client::connect(address).await;
    for _ in 0..4 {
        assert_eq!(client.get("/").await.body, "well");
    }
    local.elb.deregister(&group, &well.target()).unwrap();
    assert_eq!(client.get("/").await.body, "sick");
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_back() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = App::serve(|request: Request<hyper::body::Incoming>| async move {
        if request.uri().path() == "/hang" {
            std::future::pending::<()>().await;
        }
        crate::support::answer(200, "ok")
    })
    .await;
    local.bring_in(&group, &app).await;
    let mut client = Client::connect(address).await;
    let hanging = tokio::spawn(async move { client.get("/hang").await });
    within("the request arrives", async {
        while app.seen.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    hanging.abort();
    local.elb.deregister(&group, &app.target()).unwrap();
    local.until(&group, &app.target(), None).await;
}
