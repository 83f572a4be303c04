//! The promise of the whole: targets are replaced under load, and no request notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::Full;

use crate::support::{App, Client, Local, answer};

/// One client: asks on one connection until it is told to stop; the failures it saw.
async fn hammer(address: std::net::SocketAddr, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let mut client = Client::connect(address).await;
    let (mut count, mut failures) = (0, Vec::new());
    while !stop.load(Ordering::SeqCst) {
        count += 1;
        let request = if count % 3 == 0 {
            Request::post("/")
                .body(Full::from("a body of some length"))
                .unwrap()
        } else {
            Request::get("/").body(Full::default()).unwrap()
        };
        match client.send(request).await {
            Ok(answered) if answered.status == 200 => {}
            Ok(answered) => failures.push(format!("{} {}", answered.status, answered.body)),
            Err(error) => {
                failures.push(format!("{error:?}"));
                client = Client::connect(address).await;
            }
        }
    }
    (count, failures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_replacement_under_load_fails_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, address) = local.simple();
    let app = || {
        App::serve(|_request| async {
            // Long enough that requests are in flight whenever something changes.
            tokio::time::sleep(Duration::from_millis(2)).await;
            answer(200, "ok")
        })
    };
    let mut old = vec![app().await, app().await];
    for app in &old {
        local.bring_in(&group, app).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..16)
        .map(|_| tokio::spawn(hammer(address, Arc::clone(&stop))))
        .collect();
    for _ in 0..6 {
        let new = app().await;
        local.bring_in(&group, &new).await;
        let leaving = old.remove(0);
        local.elb.deregister(&group, &leaving.target()).unwrap();
        local.until(&group, &leaving.target(), None).await;
        leaving.stop().await;
        old.push(new);
    }
    stop.store(true, Ordering::SeqCst);
    let mut total = 0;
    for client in clients {
        let (count, failures) = client.await.unwrap();
        assert_eq!(failures, Vec::<String>::new());
        total += count;
    }
    assert!(total > 100, "only {total} requests were made");
}
