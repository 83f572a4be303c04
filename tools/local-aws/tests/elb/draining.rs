//! Targets that leave.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Request;
use hyper::body::Incoming;
use local_aws::elb::{TargetHealth, TargetState};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use crate::support::{App, Client, Local, answer, get, hears, target, within};

/// An application whose `/slow` waits for the notification.
async fn slow(name: &'static str) -> (App, Arc<Notify>) {
    let release = Arc::new(Notify::new());
    let waiting = Arc::clone(&release);
    let app = App::serve(move |request: Request<Incoming>| {
        let waiting = Arc::clone(&waiting);
        async move {
            if request.uri().path() == "/slow" {
                waiting.notified().await;
            }
            answer(200, name)
        }
    })
    .await;
    (app, release)
}

async fn arrived(app: &App) {
    within("the request arrives", async {
        while app.seen.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_draining_target_finishes_what_it_has_and_gets_nothing_new() {
    let directory = tempfile::tempdir().unwrap();
    // The delay of 300 seconds is over after 3 ms here: what is waited for is the request.
    let local = Local::start(directory.path(), 100_000.0);
    let (group, address) = local.simple();
    let (old, release) = slow("old").await;
    local.bring_in(&group, &old).await;
    let held = tokio::spawn(async move { get(address, "/slow").await });
    arrived(&old).await;
    let new = App::start("new").await;
    local.register(&group, &new);
    local.elb.deregister(&group, &old.target()).unwrap();
    assert_eq!(
        local.elb.target_health(&group, &old.target()),
        Some(TargetHealth {
            state: TargetState::Draining,
            reason: Some("Target.DeregistrationInProgress"),
            description: Some("Target deregistration is in progress".to_owned()),
        })
    );
    let mut client = Client::connect(address).await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.body, "new");
    }
    assert!(local.elb.target_health(&group, &old.target()).is_some());
    release.notify_one();
    assert_eq!(held.await.unwrap().body, "old");
    local.until(&group, &old.target(), None).await;
    let asked = json!({ "TargetGroupArn": group, "Targets": [{ "Id": "127.0.0.1", "Port": old.address.port() }] });
    let described = local.call("DescribeTargetHealth", &asked);
    assert_eq!(
        described["TargetHealthDescriptions"][0]["TargetHealth"],
        json!({
            "State": "unused",
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        })
    );
}

#[tokio::test]
async fn the_delay_of_aws_bounds_the_patience() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    local.set_delay(&group, 1);
    let (app, _never) = slow("old").await;
    local.bring_in(&group, &app).await;
    let held = tokio::spawn(async move { get(address, "/slow").await });
    arrived(&app).await;
    local.elb.deregister(&group, &app.target()).unwrap();
    assert_eq!(held.await.unwrap().status, 502);
    local.until(&group, &app.target(), None).await;
}

#[tokio::test]
async fn a_target_that_comes_back_while_it_drains_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 10.0);
    let (group, address) = local.simple();
    let app = App::start("app").await;
    local.bring_in(&group, &app).await;
    local.elb.deregister(&group, &app.target()).unwrap();
    assert_eq!(get(address, "/").await.status, 503);
    local.bring_in(&group, &app).await;
    assert_eq!(get(address, "/").await.body, "app");
}

#[tokio::test]
async fn leaving_without_having_been_there_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, _) = local.simple();
    let app = App::start("app").await;
    assert_eq!(local.elb.deregister(&group, &app.target()), Ok(()));
    assert_eq!(local.elb.target_health(&group, &app.target()), None);
}

#[tokio::test]
async fn a_draining_target_is_rid_of_idle_connections() {
    let directory = tempfile::tempdir().unwrap();
    // Probes come once in 5 seconds: what connects besides is the client's request.
    let local = Local::start(directory.path(), 1.0);
    let (group, address) = local.simple();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = target(listener.local_addr().unwrap());
    let (ended, mut ends) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let ended = ended.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap();
                let is_probe =
                    String::from_utf8_lossy(&buffer[..count]).contains("ELB-HealthChecker");
                let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(reply.as_bytes()).await.unwrap();
                let more = hears(&mut stream).await;
                if !is_probe {
                    ended.send(more).unwrap();
                }
            });
        }
    });
    local.elb.register(&group, &app).unwrap();
    assert_eq!(get(address, "/").await.body, "ok");
    local.elb.deregister(&group, &app).unwrap();
    let more = within("the connection ends", ends.recv()).await;
    assert_eq!(more, Some(false));
}
