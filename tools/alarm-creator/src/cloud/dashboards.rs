//! Dashboards.

use aws::{code, explain};

use super::Cloud;
use crate::plan::Dashboard;

impl Cloud {
    /// The dashboard's body, if there is one.
    pub(crate) async fn dashboard(&self, name: &str) -> anyhow::Result<Option<String>> {
        let answer = self
            .cloudwatch
            .get_dashboard()
            .dashboard_name(name)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.dashboard_body),
            Err(error)
                if matches!(
                    code(&error),
                    Some("ResourceNotFound" | "DashboardNotFoundError")
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(explain(&format!("look at the dashboard {name}"), error)),
        }
    }

    /// Names of the dashboards that begin like this.
    pub(crate) async fn dashboards(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let mut pages = self
            .cloudwatch
            .list_dashboards()
            .dashboard_name_prefix(prefix)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| explain(&format!("list the dashboards {prefix}*"), error))?;
            names.extend(
                page.dashboard_entries()
                    .iter()
                    .filter_map(|entry| entry.dashboard_name().map(str::to_owned)),
            );
        }
        Ok(names)
    }

    pub(crate) async fn put_dashboard(&self, dashboard: &Dashboard) -> anyhow::Result<()> {
        let answer = self
            .cloudwatch
            .put_dashboard()
            .dashboard_name(&dashboard.name)
            .dashboard_body(&dashboard.body)
            .send()
            .await
            .map_err(|error| explain(&format!("write the dashboard {}", dashboard.name), error))?;
        match answer.dashboard_validation_messages() {
            [] => Ok(()),
            [first, ..] => anyhow::bail!(
                "the dashboard {} has a mistake at {}: {}",
                dashboard.name,
                first.data_path().unwrap_or_default(),
                first.message().unwrap_or_default()
            ),
        }
    }

    pub(crate) async fn delete_dashboard(&self, name: &str) -> anyhow::Result<()> {
        self.cloudwatch
            .delete_dashboards()
            .dashboard_names(name)
            .send()
            .await
            .map_err(|error| explain(&format!("delete the dashboard {name}"), error))?;
        Ok(())
    }
}
