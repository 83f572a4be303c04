//! Dashboards: kept and given back; nobody draws them here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CloudWatch;
use super::request::{self, missing};
use crate::protocol::{Answer, AwsError, Input, timestamp};
use crate::state::{Document, delete_in};

const MOST_LISTED: usize = 1000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Dashboard {
    name: String,
    body: String,
    modified_ms: i64,
}

impl Document for Dashboard {
    const KIND: &'static str = "dashboard";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl CloudWatch {
    pub(super) fn put_dashboard(&self, input: Input<'_>) -> Answer {
        let name = request::required(input, "DashboardName")?;
        let body = request::required(input, "DashboardBody")?;
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.len() > 255 || !name.chars().all(is_allowed) {
            return Err(refused(format!(
                "The value {name} for field DashboardName contains invalid characters. \
                 It can only contain alphanumerics, dash (-) and underscore (_)."
            )));
        }
        if !serde_json::from_str::<Value>(body).is_ok_and(|body| body.is_object()) {
            return Err(refused(
                "The field DashboardBody must be a valid JSON object".to_owned(),
            ));
        }
        self.store.put(&Dashboard {
            name: name.to_owned(),
            body: body.to_owned(),
            modified_ms: self.clock.now_ms(),
        })?;
        Ok(json!({ "DashboardValidationMessages": [] }))
    }

    pub(super) fn get_dashboard(&self, input: Input<'_>) -> Answer {
        let name = request::required(input, "DashboardName")?;
        let dashboard = self
            .store
            .get::<Dashboard>(name)?
            .ok_or_else(|| unknown(name))?;
        Ok(json!({
            "DashboardArn": self.dashboard_arn(&dashboard.name),
            "DashboardBody": dashboard.body,
            "DashboardName": dashboard.name,
        }))
    }

    pub(super) fn list_dashboards(&self, input: Input<'_>) -> Answer {
        let prefix = input.text("DashboardNamePrefix")?.unwrap_or("");
        let after = request::after_token(input)?;
        let mut matching = self
            .store
            .all::<Dashboard>()?
            .into_iter()
            .filter(|dashboard| {
                dashboard.name.starts_with(prefix)
                    && after.as_ref().is_none_or(|after| dashboard.name > *after)
            });
        let page: Vec<Dashboard> = matching.by_ref().take(MOST_LISTED).collect();
        let entries: Vec<Value> = page
            .iter()
            .map(|dashboard| {
                json!({
                    "DashboardName": dashboard.name,
                    "DashboardArn": self.dashboard_arn(&dashboard.name),
                    "LastModified": timestamp(dashboard.modified_ms),
                    "Size": dashboard.body.len(),
                })
            })
            .collect();
        let mut answer = json!({ "DashboardEntries": entries });
        if let (Some(last), Some(_)) = (page.last(), matching.next()) {
            answer["NextToken"] = request::token(&last.name);
        }
        Ok(answer)
    }

    /// All of them or none.
    pub(super) fn delete_dashboards(&self, input: Input<'_>) -> Answer {
        let names = input.texts("DashboardNames")?;
        if names.is_empty() {
            return Err(missing("DashboardNames"));
        }
        for name in &names {
            if self.store.get::<Dashboard>(name)?.is_none() {
                return Err(unknown(name));
            }
        }
        self.store.transaction(|transaction| {
            names
                .iter()
                .try_for_each(|name| delete_in::<Dashboard>(transaction, name))
        })?;
        Ok(json!({}))
    }

    /// Dashboards belong to no region.
    fn dashboard_arn(&self, name: &str) -> String {
        format!("arn:aws:cloudwatch::{}:dashboard/{name}", self.account.id)
    }
}

fn refused(message: String) -> AwsError {
    AwsError::new("InvalidParameterInput", message)
}

fn unknown(name: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFound",
        format!("Dashboard {name} does not exist"),
    )
    .with_status(404)
}
