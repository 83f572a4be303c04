//! How long to wait before another task is started after some have failed.

/// After a task that had come to run; ECS's own pace between such attempts is about this (seen in captures).
const PACE_SECONDS: i64 = 10;
/// The longest wait between attempts that never come to run (AWS documentation, service throttle logic).
const LONGEST_SECONDS: i64 = 15 * 60;

/// Seconds to wait. `failures` are tasks in a row that did not come to run; 0 means that the last one did.
pub(crate) fn seconds(failures: u32) -> i64 {
    let doubled =
        PACE_SECONDS.saturating_mul(2_i64.saturating_pow(failures.saturating_sub(1).min(20)));
    doubled.min(LONGEST_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (0..9).map(seconds).collect();
        assert_eq!(waits, [10, 10, 20, 40, 80, 160, 320, 640, 900]);
    }
}
