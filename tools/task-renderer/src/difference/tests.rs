use serde_json::json;

use super::*;

#[test]
fn passes_over_what_ecs_fills_in() {
    let wanted = json!({"family": "f", "cpu": "1 vCPU", "networkMode": "awsvpc",
    "tags": [{"key": "commit", "value": "2"}],
    "containerDefinitions": [
        {"name": "b", "image": "i"},
        {"name": "a", "image": "i", "portMappings": [{"containerPort": 80}],
         "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
         "healthCheck": {"command": ["CMD", "x"]}},
    ]});
    let live = json!({"family": "f", "cpu": "1024", "networkMode": "awsvpc", "volumes": [],
    "tags": [{"key": "commit", "value": "1"}],
    "containerDefinitions": [
        {"name": "a", "image": "i", "cpu": 0, "essential": true, "mountPoints": [],
         "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
         "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
         "healthCheck": {"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3}},
        {"name": "b", "image": "i", "cpu": 0, "essential": true},
    ]});
    let difference = between(("one", &live), ("other", &wanted), false);
    assert_eq!(text(&difference), "one → other\nno difference\n");
    let difference = between(("one", &live), ("other", &wanted), true);
    assert_eq!(
        text(&difference),
        "one → other\n\ntags\n  ~ commit: 1 → 2\n\n0 added, 0 removed, 1 changed\n"
    );
}

#[test]
fn groups_by_container_and_hides_what_looks_secret() {
    let one = json!({"family": "f", "cpu": "256", "containerDefinitions": [
        {"name": "api", "image": "r/web@sha256:aa", "command": ["a"], "essential": true,
         "environment": [{"name": "LEVEL", "value": "info"}, {"name": "OLD", "value": "x\ny"},
                         {"name": "TOKEN", "value": "s3cret"}],
         "secrets": [{"name": "DB_PASSWORD", "valueFrom": "/a"}]},
        {"name": "proxy", "image": "p"},
    ]});
    let other = json!({"family": "f", "cpu": "512", "volumes": [{"name": "v"}], "containerDefinitions": [
        {"name": "api", "image": "r/web@sha256:bb", "command": ["a", "b"], "essential": false,
         "environment": [{"name": "LEVEL", "value": "warn"}, {"name": "TOKEN", "value": "0ther"}],
         "secrets": [{"name": "DB_PASSWORD", "valueFrom": "/b"}],
         "mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": true}]},
    ]});
    assert_eq!(
        text(&between(("one", &one), ("other", &other), false)),
        "\
one → other

task
  ~ cpu: 256 → 512

container api
  ~ command: [\"a\"] → [\"a\", \"b\"]
  + essential: false
  ~ image: r/web@sha256:aa → r/web@sha256:bb
  environment
    ~ LEVEL: info → warn
    - OLD: x\\ny
    ~ TOKEN: (hidden) → (hidden)
  mountPoints
    + /v: readOnly true, sourceVolume v
  secrets
    ~ DB_PASSWORD: /a → /b

- container proxy
  - image: p
  - name: proxy

+ volume v
  + name: v

3 added, 3 removed, 6 changed
"
    );
}
