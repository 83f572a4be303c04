//! The shares of a rule's target groups, as the deployments of ECS read and set them.

use super::Elb;
use super::arn;
use super::model::{Action, Listener, WeightedGroup};
use crate::protocol::AwsError;

impl Elb {
    /// The target groups to which a rule forwards, with their weights; none if it does something else. A
    /// listener's default rule is a rule too.
    pub fn forward_weights(&self, rule_arn: &str) -> Result<Vec<(String, u32)>, AwsError> {
        let tables = self.tables();
        let of_rule = tables.rules.get(rule_arn).map(|rule| &rule.action);
        let action = of_rule.or_else(|| {
            let mut listeners = tables.listeners.values();
            let listener = listeners.find(|listener| is_default(listener, rule_arn))?;
            Some(&listener.action)
        });
        match action.ok_or_else(not_found)? {
            Action::Forward(groups) => Ok(groups
                .iter()
                .map(|group| (group.arn.clone(), group.weight))
                .collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// Makes a rule forward to these target groups with these weights, 0 to 999 each. Nothing happens if it
    /// does already.
    pub fn set_forward_weights(
        &self,
        rule_arn: &str,
        weights: &[(String, u32)],
    ) -> Result<(), AwsError> {
        let groups = weights.iter().map(|(arn, weight)| WeightedGroup {
            arn: arn.clone(),
            weight: *weight,
        });
        let action = Action::Forward(groups.collect());
        let mut tables = self.tables();
        if let Some(rule) = tables.rules.get(rule_arn) {
            if rule.action == action {
                return Ok(());
            }
            let mut rule = rule.clone();
            rule.action = action;
            self.store.put(&rule)?;
            tables.rules.insert(rule.arn.clone(), rule);
        } else {
            let mut listeners = tables.listeners.values();
            let listener = listeners
                .find(|listener| is_default(listener, rule_arn))
                .ok_or_else(not_found)?;
            if listener.action == action {
                return Ok(());
            }
            let mut listener = listener.clone();
            listener.action = action;
            self.store.put(&listener)?;
            tables.listeners.insert(listener.arn.clone(), listener);
        }
        self.publish(&mut tables);
        self.note_change();
        Ok(())
    }
}

fn is_default(listener: &Listener, rule_arn: &str) -> bool {
    arn::rule(&listener.arn, &listener.default_rule_id) == rule_arn
}

fn not_found() -> AwsError {
    AwsError::new("RuleNotFound", "One or more rules not found")
}
