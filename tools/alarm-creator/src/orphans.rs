//! What this program made once and nobody wants any more.

use std::collections::BTreeMap;

use contract::alarms::{Change, Resource};

use crate::Request;
use crate::cloud::Cloud;
use crate::dashboard::MARK;
use crate::plan::{LiveAlarm, Shape};
use crate::recipients::Subscribed;
use crate::set::Set;
use crate::survey::Survey;

/// Orphans of one service, and of the environment where no service is left to own them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orphans {
    /// Name, and whether it is a composite.
    pub(crate) alarms: Vec<(String, bool)>,
    /// Log group and name.
    pub(crate) filters: Vec<(String, String)>,
    pub(crate) dashboards: Vec<String>,
    pub(crate) subscriptions: Vec<Subscribed>,
    /// The topic's ARN.
    pub(crate) topic: Option<String>,
}

impl Orphans {
    pub(crate) async fn of(
        cloud: &Cloud,
        request: &Request,
        survey: &Survey,
        set: &Set,
    ) -> anyhow::Result<Self> {
        let prefix = request.names.prefix();
        let wanted: Vec<&str> = set
            .alarms
            .iter()
            .map(|alarm| alarm.definition.name.as_str())
            .chain([set.composite.name.as_str()])
            .collect();
        let (mut alarms, dashboards) =
            tokio::try_join!(cloud.alarms_by_prefix(&prefix), cloud.dashboards(&prefix))?;
        alarms.retain(|name, _| {
            !wanted.contains(&name.as_str()) && (request.owns(name) || request.is_nobodys(name))
        });
        // A name alone proves nothing: the tags say whose an alarm is.
        cloud.add_tags(&mut alarms).await?;
        let tags = request.tags();
        let alarms = alarms
            .into_iter()
            .filter(|(_, alarm)| is_ours(alarm, &tags))
            .map(|(name, alarm)| (name, matches!(alarm.shape, Shape::Composite(_))))
            .collect();
        let mut orphans = Self {
            alarms,
            filters: survey.unwanted_filters(request, set),
            ..Self::default()
        };
        for name in dashboards {
            if request.is_dashboard_wanted(&name) {
                continue;
            }
            let body = cloud.dashboard(&name).await?.unwrap_or_default();
            if body.contains(MARK) {
                orphans.dashboards.push(name);
            }
        }
        if let Some(live) = &survey.subscriptions {
            if survey.recipients.need_topic() {
                orphans.subscriptions = survey.recipients.unwanted(live).cloned().collect();
            } else {
                orphans.topic = Some(survey.topic(request));
            }
        }
        Ok(orphans)
    }

    pub(crate) async fn delete(&self, cloud: &Cloud) -> anyhow::Result<()> {
        cloud.delete_alarms(&self.alarms).await?;
        for (group, name) in &self.filters {
            cloud.delete_filter(group, name).await?;
        }
        for name in &self.dashboards {
            cloud.delete_dashboard(name).await?;
        }
        for subscription in &self.subscriptions {
            // One that is pending has no ARN to name it by; SNS forgets it by itself.
            if let Some(arn) = &subscription.arn {
                cloud.unsubscribe(arn).await?;
            }
        }
        if let Some(topic) = &self.topic {
            cloud.delete_topic(topic).await?;
        }
        Ok(())
    }

    pub(crate) fn resources(&self) -> Vec<Resource> {
        let resource = |kind: &str, name: String| Resource {
            kind: kind.to_owned(),
            name,
            change: Change::Delete,
        };
        let mut resources = Vec::new();
        resources.extend(
            self.alarms
                .iter()
                .map(|(name, _)| resource("alarm", name.clone())),
        );
        resources.extend(
            self.filters
                .iter()
                .map(|(group, name)| resource("metric-filter", format!("{name} in {group}"))),
        );
        resources.extend(
            self.dashboards
                .iter()
                .map(|name| resource("dashboard", name.clone())),
        );
        resources.extend(
            self.subscriptions
                .iter()
                .map(|one| resource("subscription", crate::recipients::shown(&one.endpoint))),
        );
        resources.extend(
            self.topic
                .iter()
                .map(|topic| resource("topic", topic.clone())),
        );
        resources
    }
}

/// Whether this program made the alarm, for this application and environment.
fn is_ours(alarm: &LiveAlarm, tags: &BTreeMap<String, String>) -> bool {
    alarm.tags.as_ref().is_some_and(|live| {
        ["managed-by", "app", "environment"]
            .iter()
            .all(|key| live.get(*key) == tags.get(*key))
    })
}
