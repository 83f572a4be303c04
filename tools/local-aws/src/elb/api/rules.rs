//! Rules of listeners. The default rule is the listener's own action under a rule's name.

use serde_json::{Value, json};

use super::{actions, bounded, conditions, listeners, paging::page, refuse_members, tags};
use crate::account::hex_id;
use crate::elb::Elb;
use crate::elb::arn;
use crate::elb::model::{Listener, Rule};
use crate::elb::tables::Tables;
use crate::protocol::{Answer, AwsError, Input};

const MOST_RULES: usize = 100;

impl Elb {
    pub(super) fn create_rule(&self, input: Input<'_>) -> Answer {
        let listener = input.required_text("ListenerArn")?;
        refuse_members(input, &["Transforms"])?;
        let priority = read_priority(input)?;
        let conditions = conditions::read(input)?;
        let action = actions::read(input, "Actions")?;
        let tags = tags::read(input)?;
        let mut tables = self.tables();
        let balancer = &listeners::find(&tables, listener)?.load_balancer_arn;
        actions::check(&tables, balancer, &action)?;
        let siblings = tables.rules_of(listener);
        if siblings.iter().any(|rule| rule.priority == priority) {
            return Err(priority_in_use(priority));
        }
        if siblings.len() >= MOST_RULES {
            return Err(AwsError::new(
                "TooManyRules",
                format!(
                    "The maximum number of rules on load balancer '{balancer}' has been reached"
                ),
            ));
        }
        let rule = Rule {
            arn: arn::rule(listener, &hex_id(16)),
            listener_arn: listener.to_owned(),
            priority,
            conditions,
            action,
            tags,
        };
        self.put_rules(&mut tables, vec![rule])
    }

    pub(super) fn describe_rules(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let arns = input.texts("RuleArns")?;
        let rendered = match input.text("ListenerArn")? {
            Some(_) if !arns.is_empty() => {
                return Err(input.refuse("You cannot specify both a listener ARN and rule ARNs"));
            }
            Some(listener) => {
                let listener = listeners::find(&tables, listener)?;
                let rules = tables.rules_of(&listener.arn).into_iter().map(render);
                rules.chain([render_default(listener)]).collect()
            }
            None if arns.is_empty() => {
                return Err(input.refuse("You must specify either a listener ARN or rule ARNs"));
            }
            None => arns
                .iter()
                .map(
                    |arn| match (tables.rules.get(*arn), default_of(&tables, arn)) {
                        (Some(rule), _) => Ok(render(rule)),
                        (None, Some(listener)) => Ok(render_default(listener)),
                        (None, None) => Err(not_found()),
                    },
                )
                .collect::<Result<Vec<_>, _>>()?,
        };
        page(input, "Rules", rendered)
    }

    pub(super) fn modify_rule(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("RuleArn")?;
        refuse_members(input, &["Transforms", "ResetTransforms"])?;
        let mut tables = self.tables();
        if default_of(&tables, arn).is_some() {
            return Err(AwsError::new(
                "OperationNotPermitted",
                format!("Default rule '{arn}' cannot be modified; modify its listener"),
            ));
        }
        let mut rule = tables.rules.get(arn).ok_or_else(not_found)?.clone();
        if !input.list("Conditions")?.is_empty() {
            rule.conditions = conditions::read(input)?;
        }
        if !input.list("Actions")?.is_empty() {
            rule.action = actions::read(input, "Actions")?;
            let balancer = &listeners::find(&tables, &rule.listener_arn)?.load_balancer_arn;
            actions::check(&tables, balancer, &rule.action)?;
        }
        self.put_rules(&mut tables, vec![rule])
    }

    pub(super) fn delete_rule(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("RuleArn")?;
        let mut tables = self.tables();
        if default_of(&tables, arn).is_some() {
            return Err(AwsError::new(
                "OperationNotPermitted",
                format!("Default rule '{arn}' cannot be deleted"),
            ));
        }
        if !tables.rules.contains_key(arn) {
            return Err(not_found());
        }
        self.store.delete::<Rule>(arn)?;
        tables.rules.remove(arn);
        self.publish(&mut tables);
        self.note_change();
        Ok(json!({}))
    }

    pub(super) fn set_rule_priorities(&self, input: Input<'_>) -> Answer {
        let mut tables = self.tables();
        let mut changed: Vec<Rule> = Vec::new();
        for wanted in input.structures("RulePriorities")? {
            let arn = wanted.required_text("RuleArn")?;
            if default_of(&tables, arn).is_some() {
                return Err(AwsError::new(
                    "OperationNotPermitted",
                    format!("The priority of the default rule '{arn}' cannot be set"),
                ));
            }
            let mut rule = tables.rules.get(arn).ok_or_else(not_found)?.clone();
            rule.priority = read_priority(wanted)?;
            changed.push(rule);
        }
        // All take effect together, so two rules may change places.
        for (n, rule) in changed.iter().enumerate() {
            let after = tables
                .rules_of(&rule.listener_arn)
                .into_iter()
                .filter(|other| changed.iter().all(|it| it.arn != other.arn))
                .chain(
                    changed[..n]
                        .iter()
                        .filter(|it| it.listener_arn == rule.listener_arn),
                );
            if after
                .into_iter()
                .any(|other| other.priority == rule.priority)
            {
                return Err(priority_in_use(rule.priority));
            }
        }
        self.put_rules(&mut tables, changed)
    }

    fn put_rules(&self, tables: &mut Tables, rules: Vec<Rule>) -> Answer {
        self.store.put_all(&rules)?;
        let rendered: Vec<Value> = rules.iter().map(render).collect();
        for rule in rules {
            tables.rules.insert(rule.arn.clone(), rule);
        }
        self.publish(tables);
        self.note_change();
        Ok(json!({ "Rules": rendered }))
    }
}

fn read_priority(input: Input<'_>) -> Result<u32, AwsError> {
    bounded(input, "Priority", 1, 50_000)?
        .ok_or_else(|| input.refuse("A priority must be specified"))
}

fn priority_in_use(priority: u32) -> AwsError {
    AwsError::new(
        "PriorityInUse",
        format!("Priority '{priority}' is currently in use"),
    )
}

fn not_found() -> AwsError {
    AwsError::new("RuleNotFound", "One or more rules not found")
}

fn default_arn(listener: &Listener) -> String {
    arn::rule(&listener.arn, &listener.default_rule_id)
}

/// The listener whose default rule has this ARN.
fn default_of<'a>(tables: &'a Tables, arn: &str) -> Option<&'a Listener> {
    tables
        .listeners
        .values()
        .find(|listener| default_arn(listener) == arn)
}

fn render(rule: &Rule) -> Value {
    let conditions: Vec<Value> = rule.conditions.iter().map(conditions::render).collect();
    json!({
        "RuleArn": rule.arn,
        "Priority": rule.priority.to_string(),
        "Conditions": conditions,
        "Actions": actions::render(&rule.action),
        "IsDefault": false,
    })
}

fn render_default(listener: &Listener) -> Value {
    json!({
        "RuleArn": default_arn(listener),
        "Priority": "default",
        "Conditions": [],
        "Actions": actions::render(&listener.action),
        "IsDefault": true,
    })
}
