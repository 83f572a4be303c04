//! Logs Insights.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Answer, Server};

fn server() -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |operation, input| match operation {
        "StartQuery" => {
            assert_eq!(input["queryString"], "stats count(*) by level");
            assert_eq!(input["logGroupNames"], json!(["/a", "/b"]));
            assert_eq!(input["startTime"], 1_795_510_800);
            assert_eq!(input["endTime"], 1_795_514_400);
            Answer::Body(json!({ "queryId": "q" }).to_string(), None)
        }
        "GetQueryResults" => {
            let status =
                ["Scheduled", "Running", "Complete"][asked.fetch_add(1, Ordering::SeqCst).min(2)];
            let cell = |field: &str, value: &str| json!({ "field": field, "value": value });
            let body = json!({
                "status": status,
                "results": [
                    [cell("level", "ERROR"), cell("count(*)", "3"), cell("@ptr", "x")],
                    [cell("level", "say, \"x\"")],
                ],
                "statistics": { "recordsMatched": 9.0, "recordsScanned": 20.0, "bytesScanned": 2_000_000.0 },
            });
            Answer::Body(body.to_string(), None)
        }
        other => panic!("{other} was called"),
    })
}

fn query(form: &str) -> (String, String) {
    let output = server()
        .log_tailer(&[
            "query",
            "--group",
            "/a",
            "--group",
            "/b",
            "--since",
            "2026-11-24T09:00:00Z",
            "--until",
            "2026-11-24T10:00:00Z",
            "--format",
            form,
            "stats count(*) by level",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn shows_a_result_as_a_table_as_json_and_as_csv() {
    let (table, said) = query("table");
    assert_eq!(
        table,
        "level     count(*)\n\
         ────────  ────────\n\
         ERROR     3\n\
         say, \"x\"\n"
    );
    assert_eq!(said, "2 rows; 9 of 20 events matched, 2.0 MB read\n");
    assert_eq!(
        query("json").0,
        "{\"level\":\"ERROR\",\"count(*)\":\"3\"}\n{\"level\":\"say, \\\"x\\\"\"}\n"
    );
    assert_eq!(
        query("csv").0,
        "level,count(*)\nERROR,3\n\"say, \"\"x\"\"\",\n"
    );
}
