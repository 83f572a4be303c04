//! What is done when an alarm goes to another state: a message on each topic that its actions name.

use serde_json::{Value, json};

use super::alarm::{Alarm, MetricWatch, Source, State, Watch};
use super::{CloudWatch, text};

/// The message that was published, or why none was.
pub(super) type Outcome = Result<String, String>;

/// SNS's longest subject, in characters.
const MOST_SUBJECT: usize = 100;

impl CloudWatch {
    /// Carries out the actions of the state that `alarm` has now; each with what came of it.
    pub(super) fn act<'a>(&self, alarm: &'a Alarm, before: &State) -> Vec<(&'a str, Outcome)> {
        let actions = alarm.actions.on(alarm.state.value);
        let done: Vec<(&str, Outcome)> = actions
            .iter()
            .map(|action| (action.as_str(), self.announce(alarm, before, action)))
            .collect();
        for (action, outcome) in &done {
            if let Err(reason) = outcome {
                self.console.warning(&format!(
                    "alarm {}: the action {action} failed: {reason}",
                    alarm.name
                ));
            }
        }
        done
    }

    fn announce(&self, alarm: &Alarm, before: &State, action: &str) -> Outcome {
        if !action.starts_with("arn:aws:sns:") {
            return Err("local-aws carries out actions that name a topic of SNS only".to_owned());
        }
        let sns = self
            .announcer
            .get()
            .ok_or_else(|| "there is no SNS here".to_owned())?;
        let region = region_name(&self.account.region);
        let subject: String = format!(
            "{}: \"{}\" in {region}",
            alarm.state.value.as_str(),
            alarm.name
        )
        .chars()
        .take(MOST_SUBJECT)
        .collect();
        let message = self.message(alarm, before, region).to_string();
        sns.announce(action, &subject, &message)
            .map_err(|error| format!("{}: {}", error.code, error.message))?;
        Ok(message)
    }

    /// The JSON that AWS sends.
    fn message(&self, alarm: &Alarm, before: &State, region: &str) -> Value {
        let mut message = json!({
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": self.account.id,
            "AlarmConfigurationUpdatedTimestamp": text::iso(alarm.configured_ms),
            "NewStateValue": alarm.state.value.as_str(),
            "NewStateReason": alarm.state.reason,
            "StateChangeTime": text::iso(alarm.state.updated_ms),
            "Region": region,
            "AlarmArn": alarm.arn(&self.account),
            "OldStateValue": before.value.as_str(),
            "OKActions": alarm.actions.ok,
            "AlarmActions": alarm.actions.alarm,
            "InsufficientDataActions": alarm.actions.insufficient_data,
        });
        match &alarm.watch {
            Watch::Metric(watch) => message["Trigger"] = trigger(watch),
            Watch::Composite(rule) => message["AlarmRule"] = json!(rule),
        }
        message
    }
}

fn trigger(watch: &MetricWatch) -> Value {
    let rule = &watch.rule;
    let mut trigger = json!({
        "Period": watch.source.period(),
        "EvaluationPeriods": rule.periods,
        "DatapointsToAlarm": rule.to_alarm.unwrap_or(rule.periods),
        "ComparisonOperator": rule.comparison.as_str(),
        "Threshold": rule.threshold,
        "TreatMissingData": rule.missing_data.map_or("missing", |missing| missing.as_str()),
        "EvaluateLowSampleCountPercentile": watch.low_samples.clone().unwrap_or_default(),
    });
    match &watch.source {
        Source::Stat { stat, is_extended } => {
            trigger["MetricName"] = json!(stat.name);
            trigger["Namespace"] = json!(stat.namespace);
            trigger["Unit"] = json!(stat.unit);
            trigger["Dimensions"] = stat
                .dimensions
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": value }))
                .collect();
            if *is_extended {
                trigger["StatisticType"] = json!("ExtendedStatistic");
                trigger["ExtendedStatistic"] = json!(stat.statistic);
            } else {
                trigger["StatisticType"] = json!("Statistic");
                trigger["Statistic"] = json!(stat.statistic.to_uppercase());
            }
        }
        Source::Queries(queries) => {
            trigger["Metrics"] = queries.all().iter().map(|query| query.members()).collect();
        }
    }
    trigger
}

/// What AWS calls a region in messages; of one that is not known here, its code.
fn region_name(region: &str) -> &str {
    match region {
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        "ca-central-1" => "Canada (Central)",
        "eu-west-1" => "EU (Ireland)",
        "eu-west-2" => "EU (London)",
        "eu-west-3" => "EU (Paris)",
        "eu-central-1" => "EU (Frankfurt)",
        "eu-north-1" => "EU (Stockholm)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "sa-east-1" => "South America (Sao Paulo)",
        other => other,
    }
}
