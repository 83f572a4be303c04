//! The server's own endpoints: health, state, shutdown, faults, calls.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::reply::{self, Reply};
use super::{Front, Tasks, intake, refused};
use crate::elb::ListenerAddress;

/// A shutdown's wish is one short word, and a fault's rule one line.
const LIMIT: usize = 256 << 10;

/// A load balancer's listener: the port that was asked for, and where it really answers.
fn listener(listener: &ListenerAddress) -> Value {
    json!({
        "loadBalancer": listener.load_balancer_name,
        "port": listener.port,
        "address": listener.address.map(|address| address.to_string()),
        "problem": listener.problem,
    })
}

impl Front {
    /// Answers `/_local/PLACE`.
    pub(super) async fn local(&self, place: &str, request: Request<Incoming>) -> Reply {
        match (request.method(), place) {
            (&Method::GET, "health") => reply::json(StatusCode::OK, &json!({ "status": "ok" })),
            (&Method::GET, "state") => reply::json(StatusCode::OK, &self.state()),
            (&Method::POST, "shutdown") => self.shutdown(request).await,
            (&Method::GET, "faults") => reply::json(StatusCode::OK, &self.faults.document()),
            (&Method::POST, "faults") => self.add_faults(request).await,
            (&Method::DELETE, "faults") => reply::json(StatusCode::OK, &self.faults.clear()),
            (&Method::GET, "calls") => reply::json(StatusCode::OK, &self.calls.document()),
            (&Method::DELETE, "calls") => {
                self.calls.forget();
                reply::json(StatusCode::OK, &self.calls.document())
            }
            _ => refused(
                StatusCode::NOT_FOUND,
                "NotFound",
                "there are GET /_local/health, GET /_local/state, POST /_local/shutdown, \
                 GET, POST and DELETE /_local/faults, GET and DELETE /_local/calls",
            ),
        }
    }

    fn state(&self) -> Value {
        let (repositories, images) = self.cloud.ecr.counts();
        json!({
            "kind": "local-aws-state",
            "schema": 1,
            "running": true,
            "endpoint": self.endpoint,
            "pid": std::process::id(),
            "account": self.cloud.account.id,
            "region": self.cloud.account.region,
            "speed": self.cloud.clock.speed(),
            "uptimeSeconds": self.started.elapsed().as_secs(),
            "runtime": self.cloud.ecs.runtime_name(),
            "tasks": self.cloud.ecs.live_tasks(),
            "repositories": repositories,
            "images": images,
            "parameters": self.cloud.ssm.count(),
            "secrets": self.cloud.secrets.count(),
            "listeners": self.cloud.elb.listener_addresses().iter().map(listener).collect::<Vec<_>>(),
        })
    }

    async fn add_faults(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let added = match intake::whole(&head.headers, body, LIMIT).await {
            Ok(bytes) => self.faults.add(&bytes),
            Err(error) => Err(error.to_string()),
        };
        match added {
            Ok(document) => reply::json(StatusCode::OK, &document),
            Err(reason) => refused(StatusCode::BAD_REQUEST, "BadRequest", &reason),
        }
    }

    async fn shutdown(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let wish = match intake::whole(&head.headers, body, LIMIT).await {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap_or_default(),
            Err(error) => {
                return refused(StatusCode::BAD_REQUEST, "BadRequest", &error.to_string());
            }
        };
        let tasks = match wish.get("tasks").and_then(Value::as_str) {
            Some("stop") => Tasks::Stop,
            Some("keep") => Tasks::Keep,
            _ => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    "BadRequest",
                    "say what becomes of the tasks: {\"tasks\": \"stop\"} or {\"tasks\": \"keep\"}",
                );
            }
        };
        self.stop(tasks);
        reply::json(
            StatusCode::ACCEPTED,
            &json!({ "stopping": true, "pid": std::process::id() }),
        )
    }
}
