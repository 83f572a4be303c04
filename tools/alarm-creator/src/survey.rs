//! What there is around a service, asked for once.

use std::collections::{BTreeMap, BTreeSet};

use toolkit::Console;

use crate::cloud::{Cloud, Cluster, Span};
use crate::dashboard::dashboard;
use crate::definition::Input;
use crate::learn::{Learned, learn};
use crate::plan::{Dashboard, Live, LiveFilter};
use crate::protection::Deployments;
use crate::recipients::{Recipients, Subscribed};
use crate::set::{Balancer, Set, Subject, set};
use crate::{Request, plan::Shape};

/// Days that are learnt from.
const DAYS: usize = 14;
const MINUTES_A_DAY: usize = 1440;

/// What there is.
pub(crate) struct Survey {
    cluster: Cluster,
    balancer: Option<Balancer>,
    /// None if there is no such service yet.
    pub(crate) deployments: Option<Deployments>,
    /// Of both log groups; an absent group has none.
    filters: BTreeMap<(String, String), LiveFilter>,
    has_lifecycle: bool,
    /// Whether the log group of the environment exists.
    pub(crate) has_logs: bool,
    /// Of the environment's topic; none if there is no topic.
    pub(crate) subscriptions: Option<Vec<Subscribed>>,
    pub(crate) recipients: Recipients,
    learned: Learned,
}

type Filters = Option<BTreeMap<(String, String), LiveFilter>>;

impl Survey {
    pub(crate) async fn of(cloud: &Cloud, request: &Request) -> anyhow::Result<Self> {
        let names = &request.names;
        let cluster_name = names.cluster();
        let service = names.service(&request.service);
        let prefix = names.prefix();
        let (lifecycle_group, group) = (names.lifecycle_log_group(), names.log_group());
        let target_group = names.target_group(&request.service);
        let (cluster, balancer, deployments, lifecycle, logs) = tokio::try_join!(
            cloud.cluster(&cluster_name),
            async {
                match request.settings.port {
                    Some(_) => cloud.balancer(&target_group).await.map(Some),
                    None => Ok(None),
                }
            },
            cloud.deployments(&cluster_name, &service),
            cloud.filters(&lifecycle_group, &prefix),
            cloud.filters(&group, &prefix),
        )?;
        let topic = topic_arn(&cluster, request);
        let subscriptions = cloud.subscriptions(&topic).await?;
        let (lifecycle, logs): (Filters, Filters) = (lifecycle, logs);
        Ok(Self {
            cluster,
            balancer,
            deployments,
            has_lifecycle: lifecycle.is_some(),
            has_logs: logs.is_some(),
            filters: lifecycle.into_iter().chain(logs).flatten().collect(),
            subscriptions,
            recipients: Recipients::of(&request.thresholds.notify),
            learned: Learned::default(),
        })
    }

    /// Learns thresholds from the service's history, where longshore.toml asks for it.
    pub(crate) async fn learn(
        &mut self,
        cloud: &Cloud,
        request: &Request,
        console: &Console,
    ) -> anyhow::Result<()> {
        if !request.thresholds.from_history {
            return Ok(());
        }
        console.status(&format!("reading {DAYS} days of metrics"));
        let set = self.set(request);
        let span = Span {
            period: request.minute,
            periods: DAYS * MINUTES_A_DAY,
        };
        let history = cloud.history(&inputs(&set), span).await?;
        let names: Vec<String> = set
            .alarms
            .iter()
            .map(|wanted| wanted.definition.name.clone())
            .collect();
        let live = cloud.alarms(&names, false).await?;
        let thresholds = set
            .alarms
            .iter()
            .filter_map(|wanted| {
                let Shape::Metric(found) = &live.get(&wanted.definition.name)?.shape else {
                    return None;
                };
                Some((wanted.kind.clone(), found.threshold))
            })
            .collect();
        self.learned = learn(
            &set,
            &history,
            &thresholds,
            request.thresholds.quiet_minutes,
        );
        Ok(())
    }

    fn subject<'r>(&self, request: &'r Request) -> Subject<'r> {
        Subject {
            service: &request.service,
            settings: &request.settings,
            thresholds: &request.thresholds,
            names: &request.names,
            balancer: self.balancer.clone(),
            has_insights: self.cluster.has_insights,
            has_lifecycle: self.has_lifecycle,
            learned: self.learned.clone(),
        }
    }

    /// What is wanted, as far as it can be had here.
    pub(crate) fn set(&self, request: &Request) -> Set {
        let mut topics = self.recipients.topics.clone();
        if self.recipients.need_topic() {
            topics.push(self.topic(request));
        }
        let mut set = set(&self.subject(request), &topics);
        if !self.has_logs {
            let group = request.names.log_group();
            set.filters.retain(|filter| filter.group != group);
        }
        set
    }

    pub(crate) fn dashboard(&self, request: &Request, set: &Set) -> Dashboard {
        dashboard(
            &request.names,
            &request.service,
            set,
            self.balancer.as_ref(),
            &self.cluster.place,
        )
    }

    pub(crate) fn topic(&self, request: &Request) -> String {
        topic_arn(&self.cluster, request)
    }

    /// What there is of the set.
    pub(crate) async fn live(
        &self,
        cloud: &Cloud,
        request: &Request,
        set: &Set,
    ) -> anyhow::Result<Live> {
        let names: Vec<String> = set
            .alarms
            .iter()
            .map(|wanted| wanted.definition.name.clone())
            .chain([set.composite.name.clone()])
            .collect();
        let name = request.names.dashboard(&request.service);
        let (alarms, dashboard) =
            tokio::try_join!(cloud.alarms(&names, true), cloud.dashboard(&name))?;
        Ok(Live {
            alarms,
            filters: self.filters.clone(),
            dashboard,
        })
    }

    /// Filters of the service that the set does not have.
    pub(crate) fn unwanted_filters(&self, request: &Request, set: &Set) -> Vec<(String, String)> {
        self.filters
            .keys()
            .filter(|(group, name)| {
                let is_wanted = set
                    .filters
                    .iter()
                    .any(|filter| filter.group == *group && filter.name == *name);
                !is_wanted && (request.owns(name) || request.is_nobodys(name))
            })
            .cloned()
            .collect()
    }

    /// What the set cannot have here, and what to do about it.
    pub(crate) fn gaps(&self, request: &Request) -> Vec<String> {
        let mut gaps = Vec::new();
        if !self.has_lifecycle {
            gaps.push(format!(
                "no alarm on restarts: there is no log group {}; switch on the life cycle events of Container Insights \
                 (CloudWatch console, or an EventBridge rule for \"ECS Task State Change\" with this log group as its target)",
                request.names.lifecycle_log_group()
            ));
        }
        if !self.cluster.has_insights {
            gaps.push(format!(
                "the cluster {} has no Container Insights: running tasks are counted by their reports, against services.{}.count",
                request.names.cluster(),
                request.service
            ));
        }
        if !self.has_logs && !request.thresholds.logs.is_empty() {
            gaps.push(format!(
                "no alarm on log lines: there is no log group {}",
                request.names.log_group()
            ));
        }
        for recipient in &self.recipients.unreachable {
            gaps.push(format!(
                "{recipient} is not notified: alarms.notify takes e-mail addresses, http(s) addresses and ARNs of SNS topics"
            ));
        }
        gaps
    }
}

fn topic_arn(cluster: &Cluster, request: &Request) -> String {
    let place = &cluster.place;
    format!(
        "arn:{}:sns:{}:{}:{}",
        place.partition,
        place.region,
        place.account,
        request.names.topic()
    )
}

/// Every metric that the set looks at, once.
pub(crate) fn inputs(set: &Set) -> Vec<Input> {
    let all: BTreeSet<Input> = set
        .alarms
        .iter()
        .flat_map(|wanted| wanted.definition.measure.inputs())
        .map(|(_, input)| input.clone())
        .collect();
    all.into_iter().collect()
}
