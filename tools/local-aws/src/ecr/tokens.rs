//! Passwords for the registry, and signatures of download addresses. Both are made from one secret of this
//! state, so that they need not be remembered and survive a restart.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::account::hex_id;
use crate::state::{Document, Store};

/// How long a password is good for, in milliseconds: ECR's 12 hours.
pub(crate) const LIFETIME_MS: i64 = 12 * 3600 * 1000;
/// The user name that goes with it.
pub(crate) const USER: &str = "AWS";

/// The secret.
pub(crate) struct Tokens {
    secret: String,
}

/// The secret as it is stored.
#[derive(Serialize, Deserialize)]
struct Secret {
    hex: String,
}

impl Document for Secret {
    const KIND: &'static str = "ecr-secret";
    fn key(&self) -> String {
        String::new()
    }
}

/// What a password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Expired,
    /// Not from here.
    Bad,
}

impl Tokens {
    /// The secret of this state; made the first time.
    pub(crate) fn open(store: &Store) -> anyhow::Result<Self> {
        let secret = match store.get::<Secret>("")? {
            Some(secret) => secret,
            None => {
                let secret = Secret { hex: hex_id(64) };
                store.put(&secret)?;
                secret
            }
        };
        Ok(Self { secret: secret.hex })
    }

    /// A password that is good until that time (milliseconds since 1970).
    pub(crate) fn password(&self, expires_ms: i64) -> String {
        format!("{expires_ms}.{}", self.sign("password", expires_ms))
    }

    /// What a password is worth now.
    pub(crate) fn judge_password(&self, password: &str, now_ms: i64) -> Verdict {
        match password.split_once('.') {
            Some((expires, signature)) => self.judge("password", expires, signature, now_ms),
            None => Verdict::Bad,
        }
    }

    /// A signature that lets its holder have `what` until that time.
    pub(crate) fn sign(&self, what: &str, expires_ms: i64) -> String {
        let signature = self.mac(what, &expires_ms.to_string()).finalize();
        hex::encode(signature.into_bytes())
    }

    /// What a signature is worth now.
    pub(crate) fn judge(&self, what: &str, expires: &str, signature: &str, now_ms: i64) -> Verdict {
        let (Ok(expires_ms), Ok(signature)) = (expires.parse::<i64>(), hex::decode(signature))
        else {
            return Verdict::Bad;
        };
        // Compared in constant time.
        match self.mac(what, expires).verify_slice(&signature) {
            Ok(()) if now_ms < expires_ms => Verdict::Good,
            Ok(()) => Verdict::Expired,
            Err(_different) => Verdict::Bad,
        }
    }

    fn mac(&self, what: &str, expires: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("a key may have any length");
        mac.update(what.as_bytes());
        mac.update(b"\n");
        mac.update(expires.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_passwords_for_their_time() {
        let store = Store::in_memory().unwrap();
        let password = Tokens::open(&store).unwrap().password(1_000);
        let reopened = Tokens::open(&store).unwrap();
        assert_eq!(reopened.judge_password(&password, 999), Verdict::Good);
        assert_eq!(reopened.judge_password(&password, 1_000), Verdict::Expired);
        let longer = password.replacen("1000.", "9000.", 1);
        assert_eq!(reopened.judge_password(&longer, 999), Verdict::Bad);
        for password in ["", "1000", "1000.", "x.00", "1000.zz"] {
            assert_eq!(
                reopened.judge_password(password, 0),
                Verdict::Bad,
                "{password}"
            );
        }
    }

    #[test]
    fn knows_no_passwords_of_another_state() {
        let password = Tokens::open(&Store::in_memory().unwrap())
            .unwrap()
            .password(1_000);
        let other = Tokens::open(&Store::in_memory().unwrap()).unwrap();
        assert_eq!(other.judge_password(&password, 0), Verdict::Bad);
    }
}
