//! What survives the end of the process.

use local_aws::elb::TargetState;
use serde_json::json;

use crate::support::{App, Client, Local, get, within};

/// Opens the same state again, as after a kill: the first process is gone without a word.
async fn again(local: Local, directory: &std::path::Path, speed: f64) -> Local {
    let addresses = local.elb.listener_addresses();
    drop(local);
    within("the ports are free", async {
        while addresses
            .iter()
            .filter_map(|listener| listener.address)
            .any(|address| std::net::TcpListener::bind(address).is_err())
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Local::start(directory, speed)
}

#[tokio::test]
async fn traffic_flows_at_once_to_those_that_were_healthy() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1.0);
    let (group, address) = local.simple();
    let (well, new) = (App::start("well").await, App::start("new").await);
    local.bring_in(&group, &well).await;
    let before = local.elb.listener_addresses();
    let balancers = local.call("DescribeLoadBalancers", &json!({}));
    let local = again(local, directory.path(), 1.0).await;
    assert_eq!(local.elb.listener_addresses(), before);
    assert_eq!(local.call("DescribeLoadBalancers", &json!({})), balancers);
    let health = local.elb.target_health(&group, &well.target()).unwrap();
    assert_eq!(health.state, TargetState::Healthy);
    local.register(&group, &new);
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/").await.body, "well");
}

#[tokio::test]
async fn draining_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1.0);
    let (group, address) = local.simple();
    let app = App::start("app").await;
    local.bring_in(&group, &app).await;
    local.elb.deregister(&group, &app.target()).unwrap();
    let local = again(local, directory.path(), 1_000_000.0).await;
    local.until(&group, &app.target(), None).await;
    assert_eq!(get(address, "/").await.status, 503);
    let local = again(local, directory.path(), 1.0).await;
    assert_eq!(local.elb.target_health(&group, &app.target()), None);
}

#[tokio::test]
async fn a_port_taken_meanwhile_is_told_and_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1.0);
    let (_, address) = local.simple();
    drop(local);
    let squatter = within("the port is free", async {
        loop {
            if let Ok(listener) = std::net::TcpListener::bind(address) {
                return listener;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let local = Local::start(directory.path(), 1.0);
    let listener = &local.elb.listener_addresses()[0];
    assert_eq!(listener.address, None);
    let problem = listener.problem.as_ref().unwrap();
    let expected = format!("127.0.0.1:{} cannot be bound: ", address.port());
    assert!(problem.starts_with(&expected), "{problem}");
    drop(squatter);
    let mut changes = local.elb.changes();
    within("the port is taken back", async {
        while local.elb.listener_addresses()[0].address.is_none() {
            changes.changed().await.unwrap();
        }
    })
    .await;
    assert_eq!(get(address, "/").await.status, 503);
}
