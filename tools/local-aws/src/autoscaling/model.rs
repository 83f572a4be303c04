//! What is kept: targets with their policies, and what was done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tracking::{Bounds, Scaled};
use super::{DIMENSION, NAMESPACE};
use crate::protocol::timestamp;
use crate::state::Document;

/// A service whose desired count may be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) cluster: String,
    pub(super) service: String,
    pub(super) arn: String,
    pub(super) bounds: Bounds,
    pub(super) suspended: Suspended,
    pub(super) role: String,
    pub(super) created_ms: i64,
    pub(super) tags: BTreeMap<String, String>,
    /// By name.
    pub(super) policies: BTreeMap<String, Policy>,
}

impl Document for Target {
    const KIND: &'static str = "autoscaling-target";
    fn key(&self) -> String {
        self.resource_id()
    }
}

impl Target {
    /// `service/CLUSTER/SERVICE`.
    pub(super) fn resource_id(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }

    /// As DescribeScalableTargets shows it.
    pub(super) fn view(&self) -> Value {
        json!({
            "ServiceNamespace": NAMESPACE,
            "ResourceId": self.resource_id(),
            "ScalableDimension": DIMENSION,
            "MinCapacity": self.bounds.min,
            "MaxCapacity": self.bounds.max,
            "RoleARN": self.role,
            "CreationTime": timestamp(self.created_ms),
            "SuspendedState": self.suspended,
            "ScalableTargetARN": self.arn,
        })
    }
}

/// What is not done at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    clippy::struct_field_names,
    reason = "the names are AWS's, and are written as they are"
)]
pub(super) struct Suspended {
    pub(super) dynamic_scaling_in_suspended: bool,
    pub(super) dynamic_scaling_out_suspended: bool,
    pub(super) scheduled_scaling_suspended: bool,
}

/// A target tracking policy, and what it did last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) tracking: Tracking,
    pub(super) created_ms: i64,
    pub(super) last_out: Option<Scaled>,
    pub(super) last_in: Option<Scaled>,
}

impl Policy {
    /// As DescribeScalingPolicies shows it.
    pub(super) fn view(&self, resource_id: &str) -> Value {
        json!({
            "PolicyARN": self.arn,
            "PolicyName": self.name,
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource_id,
            "ScalableDimension": DIMENSION,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": self.tracking,
            "Alarms": [],
            "CreationTime": timestamp(self.created_ms),
        })
    }
}

/// A policy's configuration, as it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tracking {
    pub(super) target_value: f64,
    pub(super) predefined_metric_specification: Predefined,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scale_out_cooldown: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scale_in_cooldown: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disable_scale_in: Option<bool>,
}

/// The metric that is tracked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Predefined {
    pub(super) predefined_metric_type: MetricType,
    /// `app/NAME/ID/targetgroup/NAME/ID`, for requests only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource_label: Option<String>,
}

/// What may be tracked of an ECS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MetricType {
    ECSServiceAverageCPUUtilization,
    ECSServiceAverageMemoryUtilization,
    ALBRequestCountPerTarget,
}

impl MetricType {
    const ALL: [Self; 3] = [
        Self::ECSServiceAverageCPUUtilization,
        Self::ECSServiceAverageMemoryUtilization,
        Self::ALBRequestCountPerTarget,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ECSServiceAverageCPUUtilization => "ECSServiceAverageCPUUtilization",
            Self::ECSServiceAverageMemoryUtilization => "ECSServiceAverageMemoryUtilization",
            Self::ALBRequestCountPerTarget => "ALBRequestCountPerTarget",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What was done to a target, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) resource_id: String,
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) is_successful: bool,
    pub(super) message: String,
}

impl Document for Activity {
    const KIND: &'static str = "autoscaling-activity";
    /// Sorts by time.
    fn key(&self) -> String {
        format!("{:020}-{}", self.start_ms, self.id)
    }
}

impl Activity {
    /// As DescribeScalingActivities shows it.
    pub(super) fn view(&self) -> Value {
        json!({
            "ActivityId": self.id,
            "ServiceNamespace": NAMESPACE,
            "ResourceId": self.resource_id,
            "ScalableDimension": DIMENSION,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": timestamp(self.start_ms),
            "EndTime": timestamp(self.end_ms),
            "StatusCode": if self.is_successful { "Successful" } else { "Failed" },
            "StatusMessage": self.message,
        })
    }
}
