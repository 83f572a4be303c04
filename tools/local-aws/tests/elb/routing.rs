//! Which target a request gets.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{App, Client, Local, answer, forward, get, within};

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
