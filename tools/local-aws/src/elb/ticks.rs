//! What happens at regular times: metrics, idle connections, listeners whose port was taken.

use std::sync::Weak;
use std::time::{Duration, Instant};

use super::Elb;
use super::arn::dimension;
use super::attributes::Settings;
use super::model::TargetState;
use super::tables::Tables;

const TICK: Duration = Duration::from_secs(1);
/// AWS counts hosts once a minute.
const MINUTE: Duration = Duration::from_secs(60);
const METRICS: &str = "AWS/ApplicationELB";

/// A sample: metric, the load balancer's and target group's ARN, value.
type Sample = (&'static str, String, Option<String>, f64);

/// Ticks until the load balancer is gone.
pub(super) async fn run(elb: Weak<Elb>) {
    let mut hosts_counted: Option<Instant> = None;
    loop {
        tokio::time::sleep(TICK).await;
        let Some(elb) = elb.upgrade() else {
            return;
        };
        let minute_over = hosts_counted.is_none_or(|last| last.elapsed() >= elb.clock.wait(MINUTE));
        if minute_over {
            hosts_counted = Some(Instant::now());
        }
        elb.tick(minute_over);
    }
}

impl Elb {
    fn tick(&self, minute_over: bool) {
        let mut tables = self.tables();
        self.open_missing_fronts(&mut tables);
        for (arn, group) in &tables.groups {
            let balancers = tables.balancers_of(arn);
            let balancer = balancers
                .first()
                .and_then(|arn| tables.load_balancers.get(*arn));
            if let Some(balancer) = balancer {
                group.reap(Settings::of(balancer).idle_timeout);
            }
        }
        let mut samples = counted(&tables);
        if minute_over {
            samples.extend(hosts(&tables));
        }
        drop(tables);
        for (metric, balancer, group, value) in samples {
            let balancer = ("LoadBalancer", dimension(&balancer));
            let record = |dimensions: &[(&str, &str)]| {
                self.metrics.record(METRICS, metric, dimensions, value);
            };
            match &group {
                None => record(&[balancer]),
                Some(group) => record(&[("TargetGroup", dimension(group)), balancer]),
            }
        }
    }

    /// Binds the listeners that are not bound.
    pub(super) fn open_missing_fronts(&self, tables: &mut Tables) {
        let missing: Vec<_> = tables
            .listeners
            .values()
            .filter(|listener| !matches!(tables.fronts.get(&listener.arn), Some(Ok(_))))
            .cloned()
            .collect();
        if missing.is_empty() {
            return;
        }
        for mut listener in missing {
            let front = self.open_front(tables, &listener);
            let bound = front.as_ref().ok().map(|front| front.address().port());
            if bound.is_some() && bound != listener.bound_port {
                listener.bound_port = bound;
                self.save(&listener);
                tables
                    .listeners
                    .insert(listener.arn.clone(), listener.clone());
            }
            tables.fronts.insert(listener.arn, front);
        }
        self.publish(tables);
        self.note_change();
    }
}

/// What the proxy counted since the last tick. Targets' answers count for their group and for the load balancer.
fn counted(tables: &Tables) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (balancer, counters) in &tables.counters {
        for (metric, value) in counters.take() {
            samples.push((metric, balancer.clone(), None, value));
        }
    }
    for (group, live) in &tables.groups {
        let counted = live.counters.take();
        let Some(balancer) = tables.balancers_of(group).first().copied() else {
            continue;
        };
        for (metric, value) in counted {
            samples.push((metric, balancer.to_owned(), Some(group.clone()), value));
            // The load balancer counts its requests itself.
            if metric != "RequestCount" {
                samples.push((metric, balancer.to_owned(), None, value));
            }
        }
    }
    samples
}

/// How many targets of each group are healthy and unhealthy; nothing of groups without targets.
fn hosts(tables: &Tables) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (group, members) in &tables.members {
        let states: Vec<TargetState> = members
            .values()
            .filter(|member| !member.is_draining())
            .map(|member| member.registration.health.state())
            .collect();
        let Some(balancer) = tables.balancers_of(group).first().copied() else {
            continue;
        };
        if states.is_empty() {
            continue;
        }
        for (metric, state) in [
            ("HealthyHostCount", TargetState::Healthy),
            ("UnHealthyHostCount", TargetState::Unhealthy),
        ] {
            let count = states.iter().filter(|found| **found == state).count();
            #[expect(clippy::cast_precision_loss, reason = "a group has few targets")]
            let value = count as f64;
            samples.push((metric, balancer.to_owned(), Some(group.clone()), value));
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::account::Account;
    use crate::clock::Clock;
    use crate::cloudwatch::CloudWatch;
    use crate::elb::Target;
    use crate::state::Store;

    fn elb() -> Arc<Elb> {
        let store = Arc::new(Store::in_memory().unwrap());
        let account = Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let clock = Clock::new(1.0);
        let metrics = CloudWatch::open(Arc::clone(&store), account.clone(), clock).unwrap();
        Elb::open(store, account, clock, metrics).unwrap()
    }

    /// The sum of a metric's samples around now; none if there are no samples.
    fn sum(elb: &Elb, metric: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
        let dimensions: Vec<_> = dimensions
            .iter()
            .map(|(name, value)| json!({ "Name": name, "Value": dimension(value) }))
            .collect();
        let now = elb.clock.now_ms() / 1000;
        let request = json!({
            "Namespace": METRICS, "MetricName": metric, "Dimensions": dimensions,
            "StartTime": now - 600, "EndTime": now + 600, "Period": 60, "Statistics": ["Sum"],
        });
        let answer = elb.metrics.call("GetMetricStatistics", &request).unwrap();
        let sums: Vec<f64> = answer["Datapoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["Sum"].as_f64().unwrap())
            .collect();
        (!sums.is_empty()).then(|| sums.iter().sum())
    }

    #[test]
    fn records_what_was_counted_and_nothing_where_nothing_was() {
        let elb = elb();
        let call = |operation: &str, input: serde_json::Value| elb.call(operation, &input).unwrap();
        let made = call(
            "CreateLoadBalancer",
            json!({ "Name": "web", "Subnets": ["a", "b"] }),
        );
        let balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
            .as_str()
            .unwrap();
        let made = call(
            "CreateTargetGroup",
            json!({ "Name": "web", "Protocol": "HTTP", "Port": 80, "TargetType": "ip" }),
        );
        let group = made["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap();
        call(
            "CreateListener",
            json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 8080,
                "DefaultActions": [{ "Type": "forward", "TargetGroupArn": group }] }),
        );
        {
            let tables = elb.tables();
            let balancer = &tables.counters[balancer];
            let group = &tables.groups[group].counters;
            for _ in 0..3 {
                balancer.count_request();
                group.count_request();
                group.count_answer(StatusCode::OK, Duration::from_millis(250));
            }
            balancer.count_error(StatusCode::SERVICE_UNAVAILABLE);
        }
        elb.tick(true);
        let of_balancer = [("LoadBalancer", balancer)];
        let of_group = [("TargetGroup", group), ("LoadBalancer", balancer)];
        let check = |metric: &str, balancers: Option<f64>, groups: Option<f64>| {
            assert_eq!(
                (
                    sum(&elb, metric, &of_balancer),
                    sum(&elb, metric, &of_group)
                ),
                (balancers, groups),
                "{metric}"
            );
        };
        check("RequestCount", Some(3.0), Some(3.0));
        check("HTTPCode_Target_2XX_Count", Some(3.0), Some(3.0));
        check("HTTPCode_Target_5XX_Count", None, None);
        check("HTTPCode_ELB_5XX_Count", Some(1.0), None);
        check("HTTPCode_ELB_503_Count", Some(1.0), None);
        check("TargetResponseTime", Some(0.75), Some(0.75));
        check("HealthyHostCount", None, None);
        let target = Target {
            id: "127.0.0.1".to_owned(),
            port: 80,
        };
        elb.register(group, &target).unwrap();
        elb.tick(true);
        check("HealthyHostCount", None, Some(0.0));
        check("RequestCount", Some(3.0), Some(3.0));
    }
}
