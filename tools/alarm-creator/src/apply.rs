//! Bringing everything to what is wanted, in the order in which the one needs the other.

use std::collections::BTreeMap;

use contract::alarms::{Alarm, Alarms, Change, Resource};
use contract::document::labelled;
use contract::exit;
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use crate::cloud::Cloud;
use crate::orphans::Orphans;
use crate::plan::{Live, LiveAlarm, Plan};
use crate::protection::{Deployments, Wiring};
use crate::survey::Survey;
use crate::{Request, say};

/// Everything that is to be done, with what there is.
pub(crate) struct Work {
    pub(crate) survey: Survey,
    pub(crate) live: Live,
    pub(crate) plan: Plan,
    pub(crate) orphans: Orphans,
    /// None if the deployment alarms stay as they are.
    pub(crate) wiring: Option<Wiring>,
}

impl Work {
    pub(crate) async fn of(
        cloud: &Cloud,
        request: &Request,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let mut survey = Survey::of(cloud, request).await?;
        survey.learn(cloud, request, console).await?;
        let set = survey.set(request);
        let (live, orphans) = tokio::try_join!(
            survey.live(cloud, request, &set),
            Orphans::of(cloud, request, &survey, &set)
        )?;
        let dashboard = survey.dashboard(request, &set);
        let plan = Plan::new(set, dashboard, &live, &request.tags());
        let wiring = match (&survey.deployments, &request.thresholds.deployment) {
            (Some(deployments), Some(kinds)) if deployments.by_ecs => {
                let names = names_of(request, &plan, kinds)?;
                deployments.wiring(&names, |name| request.owns(name))
            }
            _ => None,
        };
        Ok(Self {
            survey,
            live,
            plan,
            orphans,
            wiring,
        })
    }

    fn topic_change(&self) -> Option<Change> {
        let recipients = &self.survey.recipients;
        if !recipients.need_topic() {
            return None;
        }
        Some(match &self.survey.subscriptions {
            None => Change::Create,
            Some(live) if recipients.missing(live).next().is_some() => Change::Update,
            Some(_) => Change::Unchanged,
        })
    }

    /// Whether anything differs from what is wanted.
    fn is_changed(&self) -> bool {
        self.plan.is_changed()
            || self.wiring.is_some()
            || self
                .topic_change()
                .is_some_and(|change| change != Change::Unchanged)
    }

    async fn carry_out(&self, cloud: &Cloud, request: &Request) -> anyhow::Result<()> {
        let tags = request.tags();
        if self.topic_change() == Some(Change::Create) {
            cloud.create_topic(&request.names.topic(), &tags).await?;
        }
        let known = self.survey.subscriptions.as_deref().unwrap_or_default();
        let topic = self.survey.topic(request);
        for subscriber in self.survey.recipients.missing(known) {
            cloud.subscribe(&topic, subscriber).await?;
        }
        for filter in self.plan.filters.iter().filter(|one| one.is_changed()) {
            cloud.put_filter(&filter.wanted).await?;
        }
        cloud
            .write_alarms(&self.plan, &self.live.alarms, &tags)
            .await?;
        if self.plan.dashboard.is_changed() {
            cloud.put_dashboard(&self.plan.dashboard.wanted).await?;
        }
        if let (Some(wiring), Some(deployments)) = (&self.wiring, &self.survey.deployments) {
            wire(cloud, request, deployments, wiring).await?;
        }
        Ok(())
    }

    /// The document of this work.
    fn document(
        &self,
        request: &Request,
        deployments: Option<&Deployments>,
        states: &States,
    ) -> Alarms {
        let mut alarms: Vec<Alarm> = self
            .plan
            .alarms
            .iter()
            .map(|planned| Alarm {
                name: planned.wanted.definition.name.clone(),
                reason: planned.wanted.definition.description.clone(),
                change: planned.change,
                state: planned.state.clone(),
                source: Some(planned.wanted.source.clone()),
                differences: planned.differences.clone(),
            })
            .collect();
        let composite = &self.plan.composite;
        alarms.push(Alarm {
            name: composite.wanted.name.clone(),
            reason: composite.wanted.description.clone(),
            change: composite.change,
            state: composite.state.clone(),
            source: None,
            differences: composite.differences.clone(),
        });
        Alarms {
            alarms,
            applied: !request.dry_run,
            resources: self.resources(request),
            subscriptions: self
                .survey
                .recipients
                .states(self.survey.subscriptions.as_deref().unwrap_or_default()),
            orphans: self.orphans.resources(),
            protection: deployments.map(|deployments| deployments.protection(states)),
        }
    }

    fn resources(&self, request: &Request) -> Vec<Resource> {
        let resource = |kind: &str, name: String, change| Resource {
            kind: kind.to_owned(),
            name,
            change,
        };
        let mut resources = Vec::new();
        if let Some(change) = self.topic_change() {
            resources.push(resource("topic", request.names.topic(), change));
        }
        for filter in &self.plan.filters {
            let name = format!("{} in {}", filter.wanted.name, filter.wanted.group);
            resources.push(resource("metric-filter", name, filter.change));
        }
        resources.push(resource(
            "dashboard",
            self.plan.dashboard.wanted.name.clone(),
            self.plan.dashboard.change,
        ));
        resources
    }
}

/// States by the names of alarms.
pub(crate) type States = BTreeMap<String, String>;

pub(crate) fn states(alarms: &BTreeMap<String, LiveAlarm>) -> States {
    alarms
        .iter()
        .map(|(name, alarm)| (name.clone(), alarm.state.clone()))
        .collect()
}

/// Tells ECS which alarms stop the service's deployments.
pub(crate) async fn wire(
    cloud: &Cloud,
    request: &Request,
    deployments: &Deployments,
    wiring: &Wiring,
) -> anyhow::Result<()> {
    let configuration = deployments.configuration_with(&wiring.names)?;
    let service = request.names.service(&request.service);
    cloud
        .configure(&request.names.cluster(), &service, configuration)
        .await
}

/// The names of the alarms of these kinds; each must be part of the set.
pub(crate) fn names_of(
    request: &Request,
    plan: &Plan,
    kinds: &[String],
) -> anyhow::Result<Vec<String>> {
    kinds
        .iter()
        .map(|kind| {
            let found = plan.alarms.iter().find(|alarm| alarm.wanted.kind == *kind);
            found
                .map(|alarm| alarm.wanted.definition.name.clone())
                .ok_or_else(|| {
                    let has: Vec<&str> = plan
                        .alarms
                        .iter()
                        .map(|alarm| alarm.wanted.kind.as_str())
                        .collect();
                    toolkit::Fault::usage(format!(
                        "the service {} has no alarm {kind} to stop its deployments",
                        request.service
                    ))
                    .with_hint(format!("it has {}", has.join(", ")))
                    .into()
                })
        })
        .collect()
}

/// The default command: plan, and apply unless it is a dry run. With `strict`, a difference is a negative verdict.
pub(crate) async fn run(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    strict: bool,
) -> anyhow::Result<u8> {
    let mut work = Work::of(cloud, request, console).await?;
    let is_changed = work.is_changed();
    say::gaps(console, &work.survey.gaps(request));
    say::plan(console, &work.plan, request.dry_run || strict);
    say::wiring(console, work.wiring.as_ref(), request);
    if !request.dry_run {
        work.carry_out(cloud, request).await?;
        if is_changed {
            work.look_again(cloud, request).await?;
        }
    }
    if !request.dry_run {
        say::unknown_metrics(console, &unknown_metrics(cloud, &work).await?);
    }
    finish(cloud, request, console, &work).await?;
    Ok(if strict && is_changed {
        exit::NEGATIVE
    } else {
        exit::DONE
    })
}

/// Says who is told, what is left over and what protects the next deployment, and writes the document.
pub(crate) async fn finish(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    work: &Work,
) -> anyhow::Result<()> {
    let states = watched_states(cloud, work).await?;
    let document = work.document(request, work.survey.deployments.as_ref(), &states);
    say::subscriptions(console, &document.subscriptions);
    say::orphans(console, &document.orphans);
    say::protection(console, request, document.protection.as_ref());
    output::document(
        &labelled(&document),
        request.output.as_deref(),
        Secrecy::Public,
    )
}

impl Work {
    /// What the changes have made of the topic and the service.
    async fn look_again(&mut self, cloud: &Cloud, request: &Request) -> anyhow::Result<()> {
        if self.survey.recipients.need_topic() {
            self.survey.subscriptions = cloud.subscriptions(&self.survey.topic(request)).await?;
        }
        if self.wiring.is_some() {
            let service = request.names.service(&request.service);
            self.survey.deployments = cloud
                .deployments(&request.names.cluster(), &service)
                .await?;
        }
        Ok(())
    }
}

/// The states of the alarms that deployments watch, which may be others' too.
async fn watched_states(cloud: &Cloud, work: &Work) -> anyhow::Result<States> {
    let mut states = states(&work.live.alarms);
    let unknown: Vec<String> = work
        .survey
        .deployments
        .iter()
        .flat_map(|deployments| deployments.names())
        .filter(|name| !states.contains_key(*name))
        .cloned()
        .collect();
    states.extend(self::states(&cloud.alarms(&unknown, false).await?));
    Ok(states)
}

/// Metrics of new alarms that CloudWatch has never heard of, though they should always be there: an alarm on a
/// misspelt metric is accepted without a word.
async fn unknown_metrics(cloud: &Cloud, work: &Work) -> anyhow::Result<Vec<String>> {
    let is_running = work
        .survey
        .deployments
        .as_ref()
        .is_some_and(|deployments| !deployments.is_deploying);
    if !is_running {
        return Ok(Vec::new());
    }
    let mut unknown = Vec::new();
    for planned in work
        .plan
        .alarms
        .iter()
        .filter(|one| one.change == Change::Create)
    {
        for (_, input) in planned.wanted.definition.measure.inputs() {
            let is_always_there = ["HealthyHostCount", "MemoryUtilization", "RunningTaskCount"]
                .contains(&input.metric.as_str());
            let shown = format!("{} {}", input.namespace, input.metric);
            if is_always_there && !unknown.contains(&shown) && !cloud.knows(input).await? {
                unknown.push(shown);
            }
        }
    }
    Ok(unknown)
}
