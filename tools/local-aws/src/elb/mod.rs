//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups, with a real proxy and real health checks.

pub mod health;
pub mod model;

pub use model::{ListenerAddress, Target, TargetGroup, TargetHealth, TargetState};
