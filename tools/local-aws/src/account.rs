//! The one account and region that this local AWS pretends to be.

use std::fmt::Write as _;

/// Account and region, and the names made of them.
#[derive(Debug, Clone)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For example `us-east-1`.
    pub region: String,
}

impl Account {
    /// `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.id)
    }
}

/// `length` random lower-case hexadecimal digits, as in task and load balancer ids.
#[must_use]
pub fn hex_id(length: usize) -> String {
    random_bytes(length.div_ceil(2))
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").expect("a string takes any text");
            text
        })[..length]
        .to_owned()
}

/// Nineteen random decimal digits that do not begin with 0, as in `ecs-svc/…`.
#[must_use]
pub fn deployment_number() -> String {
    let mut eight = [0; 8];
    eight.copy_from_slice(&random_bytes(8));
    format!(
        "{}",
        1_000_000_000_000_000_000 + u64::from_le_bytes(eight) % 8_000_000_000_000_000_000
    )
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the operating system has a random source");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_ids_of_the_length_asked_for() {
        assert_eq!(hex_id(32).len(), 32);
        assert_eq!(hex_id(17).len(), 17);
        assert_eq!(deployment_number().len(), 19);
    }
}
