//! Several values at once.

use serde_json::{Value, json};

use super::Secrets;
use super::filter::Filters;
use super::reference::{Selector, find, select, usable};
use super::show::{bad_token, size, value, with_next};
use crate::page::{BadToken, page};
use crate::protocol::{Answer, Input};

/// BatchGetSecretValue's.
const MOST: usize = 20;

impl Secrets {
    pub(super) fn batch_get(&self, input: &Input<'_>) -> Answer {
        let ids = input.texts("SecretIdList")?;
        let filters = Filters::of(input)?;
        match (ids.is_empty(), filters.is_empty()) {
            (true, true) => {
                Err(input.refuse("Either 'SecretIdList' or 'Filters' must be provided."))
            }
            (false, false) => {
                Err(input
                    .refuse("Either 'SecretIdList' or 'Filters' must be provided, but not both."))
            }
            (false, true) => self.get_named(&ids, input),
            (true, false) => self.get_filtered(&filters, input),
        }
    }

    fn get_named(&self, ids: &[&str], input: &Input<'_>) -> Answer {
        if ids.len() > MOST {
            return Err(input.refuse(format!("SecretIdList has at most {MOST} members.")));
        }
        let secrets = self.secrets();
        let mut values: Vec<Value> = Vec::new();
        let mut errors: Vec<Value> = Vec::new();
        for id in ids {
            let found = find(&secrets, id).and_then(usable).and_then(|secret| {
                let (version_id, version) = select(secret, Selector::default())?;
                Ok(value(secret, version_id, version))
            });
            match found {
                Ok(value) => values.push(value),
                Err(error) => errors.push(json!({
                    "SecretId": id,
                    "ErrorCode": error.code,
                    "Message": error.message,
                })),
            }
        }
        Ok(json!({ "SecretValues": values, "Errors": errors }))
    }

    fn get_filtered(&self, filters: &Filters, input: &Input<'_>) -> Answer {
        let size = size(input, MOST)?;
        let secrets = self.secrets();
        let current = secrets
            .values()
            .filter(|secret| secret.deletion_ms.is_none() && filters.take(secret))
            .filter_map(|secret| {
                let (id, version) = select(secret, Selector::default()).ok()?;
                Some((secret, id, version))
            });
        let (found, next) = page(current, size, input.text("NextToken")?, |(secret, ..)| {
            secret.name.clone()
        })
        .map_err(|BadToken| bad_token())?;
        let values: Value = found
            .into_iter()
            .map(|(secret, id, version)| value(secret, id, version))
            .collect();
        Ok(with_next(
            json!({ "SecretValues": values, "Errors": [] }),
            next,
        ))
    }
}
