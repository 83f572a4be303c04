//! The deployment circuit breaker.

/// Tasks in a row that must fail before a deployment is given up: half of the desired count, rounded up, at least 3
/// and at most 200 (AWS documentation, deployment circuit breaker).
pub(crate) fn threshold(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_documented_examples() {
        assert_eq!(
            (threshold(1), threshold(25), threshold(400), threshold(1000)),
            (3, 13, 200, 200)
        );
    }
}
