//! Security Token Service: who the caller is. Whoever reaches this server is the account's root.

use serde_json::{Value, json};

use crate::account::Account;
use crate::protocol::{Answer, AwsError};

/// The service.
#[derive(Debug)]
pub struct Sts {
    account: Account,
}

impl Sts {
    /// The service of `account`.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self { account }
    }

    /// Runs one operation.
    pub fn call(&self, operation: &str, _input: &Value) -> Answer {
        match operation {
            "GetCallerIdentity" => Ok(json!({
                "UserId": self.account.id,
                "Account": self.account.id,
                "Arn": format!("arn:aws:iam::{}:root", self.account.id),
            })),
            _ => Err(AwsError::unsupported("sts", operation)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_the_caller_is() {
        let account = Account {
            id: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let sts = Sts::new(account);
        assert_eq!(
            sts.call("GetCallerIdentity", &json!({})),
            Ok(json!({
                "UserId": "000000000000",
                "Account": "000000000000",
                "Arn": "arn:aws:iam::000000000000:root",
            }))
        );
        assert_eq!(
            sts.call("AssumeRole", &json!({})),
            Err(AwsError::unsupported("sts", "AssumeRole"))
        );
    }
}
