use std::collections::BTreeMap;

use super::{Data, Expression, Scope, Series};

const TIMES: [i64; 4] = [0, 60_000, 120_000, 180_000];

/// A series by period; `None` has no point.
fn series(values: [Option<f64>; 4]) -> Series {
    TIMES
        .into_iter()
        .zip(values)
        .filter_map(|(time, value)| value.map(|value| (time, value)))
        .collect()
}

fn evaluate(text: &str) -> Result<Data, String> {
    let values = BTreeMap::from([
        (
            "req".to_owned(),
            Data::Series(series([Some(100.0), Some(5.0), None, Some(0.0)])),
        ),
        (
            "e5".to_owned(),
            Data::Series(series([Some(5.0), None, None, Some(0.0)])),
        ),
        ("x".to_owned(), Data::Scalar(3.0)),
    ]);
    let scope = Scope {
        values: &values,
        metrics: &["req".to_owned(), "e5".to_owned()],
        times: &TIMES,
        period_ms: 60_000,
    };
    Expression::parse(text)
        .and_then(|expression| expression.evaluate(&scope))
        .map_err(|error| error.to_string())
}

fn check_number(text: &str, expected: f64) {
    assert_eq!(evaluate(text), Ok(Data::Scalar(expected)), "{text}");
}

fn check_series(text: &str, expected: [Option<f64>; 4]) {
    assert_eq!(evaluate(text), Ok(Data::Series(series(expected))), "{text}");
}

#[test]
fn follows_the_order_of_operations() {
    check_number("1 + 2 * 3", 7.0);
    check_number("(1 + 2) * 3", 9.0);
    check_number("10 - 4 - 3", 3.0);
    check_number("2 ^ 3 ^ 2", 512.0);
    check_number("-x + 1.5e1", 12.0);
    check_number("8 / 4 / 2", 1.0);
    check_number("1 < 2 && 2 <= 1 || 3 != 3", 0.0);
    check_number("1 < 2 AND 2 >= 1 OR 0", 1.0);
    check_number("x == 3", 1.0);
}

#[test]
fn combines_series_where_both_have_a_point() {
    check_series("req + e5", [Some(105.0), None, None, Some(0.0)]);
    check_series("req * 2", [Some(200.0), Some(10.0), None, Some(0.0)]);
    // A division by zero leaves no point.
    check_series("100 * e5 / req", [Some(5.0), None, None, None]);
    check_series("req > 10", [Some(1.0), Some(0.0), None, Some(0.0)]);
}

#[test]
fn fills_gaps() {
    check_series("FILL(e5, 0)", [Some(5.0), Some(0.0), Some(0.0), Some(0.0)]);
    check_series(
        "FILL(e5, REPEAT)",
        [Some(5.0), Some(5.0), Some(5.0), Some(0.0)],
    );
    check_series(
        "FILL(req, LINEAR)",
        [Some(100.0), Some(5.0), Some(2.5), Some(0.0)],
    );
    check_series("FILL(e5, req)", [Some(5.0), Some(5.0), None, Some(0.0)]);
}

#[test]
fn chooses_by_a_condition() {
    check_series(
        "IF(req > 10, 100 * FILL(e5, 0) / req, 0)",
        [Some(5.0), Some(0.0), None, Some(0.0)],
    );
    check_series(
        "IF(FILL(req, 0) > 10, 100 * FILL(e5, 0) / req, 0)",
        [Some(5.0), Some(0.0), Some(0.0), Some(0.0)],
    );
    check_series("IF(req > 10, req)", [Some(100.0), None, None, None]);
    check_series("IF(x > 2, e5, req)", [Some(5.0), None, None, Some(0.0)]);
}

#[test]
fn aggregates_series_and_arrays() {
    check_number("SUM(req)", 105.0);
    check_number("MAX(req) - MIN(req)", 100.0);
    check_series("SUM(METRICS())", [Some(105.0), Some(5.0), None, Some(0.0)]);
    check_series("AVG([e5, req])", [Some(52.5), Some(5.0), None, Some(0.0)]);
    check_series("MAX([e5, x])", [Some(5.0), Some(3.0), Some(3.0), Some(3.0)]);
    check_series(
        "SUM(METRICS(\"e\") * 2)",
        [Some(210.0), Some(10.0), None, Some(0.0)],
    );
    check_number("METRIC_COUNT(METRICS())", 2.0);
    check_number("DATAPOINT_COUNT(req)", 3.0);
}

#[test]
fn follows_a_series_in_time() {
    check_series("DIFF(req)", [None, Some(-95.0), None, Some(-5.0)]);
    check_series("RATE(req) * 120", [None, Some(-190.0), None, Some(-5.0)]);
    check_series(
        "RUNNING_SUM(req)",
        [Some(100.0), Some(105.0), None, Some(105.0)],
    );
    check_series(
        "req / PERIOD(req) * 60",
        [Some(100.0), Some(5.0), None, Some(0.0)],
    );
    check_series("TIME_SERIES(7)", [Some(7.0); 4]);
    check_number("FIRST(req) + LAST(req)", 100.0);
    check_series("ABS(-e5)", [Some(5.0), None, None, Some(0.0)]);
    check_series(
        "CEIL(e5 / 2) - FLOOR(e5 / 2)",
        [Some(1.0), None, None, Some(0.0)],
    );
}

#[test]
fn names_what_it_refers_to() {
    let expression = Expression::parse("IF(FILL(a, REPEAT) > b, [c, 1], -d)").unwrap();
    assert_eq!(expression.names(), ["a", "b", "c", "d"]);
}

#[test]
fn refuses_what_has_no_value() {
    let cases = [
        ("", "the expression ends too early"),
        ("1 +", "the expression ends too early"),
        ("(1", "the expression ends too early"),
        ("1 2", "unexpected '2' at '2'"),
        ("a $ b", "unexpected '$' at '$ b'"),
        ("nobody", "no query has the id 'nobody'"),
        (
            "ANOMALY_DETECTION_BAND(req, 2)",
            "local-aws has no function 'ANOMALY_DETECTION_BAND'",
        ),
        (
            "SUM(req, e5)",
            "the function 'SUM' does not take 2 arguments",
        ),
        (
            "METRICS() + METRICS()",
            "two arrays of series cannot be combined",
        ),
        ("RATE(1)", "a number stands where a series is needed"),
        ("\"text\" + 1", "the text 'text' is no number and no series"),
        ("\"open", "a text has no closing quote"),
    ];
    for (text, message) in cases {
        assert_eq!(evaluate(text), Err(message.to_owned()), "{text}");
    }
    let deep = format!("{}1{}", "(".repeat(1000), ")".repeat(1000));
    assert_eq!(
        evaluate(&deep),
        Err("the expression is nested too deeply".to_owned())
    );
}

#[test]
fn reads_the_calendar() {
    // 1970-01-01 was a Thursday.
    check_series("DAY(req)", [Some(4.0), Some(4.0), None, Some(4.0)]);
    check_series("HOUR(req)", [Some(0.0), Some(0.0), None, Some(0.0)]);
    check_series("MINUTE(req)", [Some(0.0), Some(1.0), None, Some(3.0)]);
    check_series(
        "YEAR(req)",
        [Some(1970.0), Some(1970.0), None, Some(1970.0)],
    );
    check_series("EPOCH(e5)", [Some(0.0), None, None, Some(180.0)]);
    check_series(
        "MONTH(e5) * 100 + DATE(e5)",
        [Some(101.0), None, None, Some(101.0)],
    );
    check_series(
        "IF(HOUR(FILL(req, 0)) < 7, 1, 0)",
        [Some(1.0), Some(1.0), Some(1.0), Some(1.0)],
    );
}
