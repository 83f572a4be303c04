//! What people are told beside the document.

use contract::alarms::{Change, Protection, Resource, Subscription};
use toolkit::Console;

use crate::Request;
use crate::plan::Plan;
use crate::protection::Wiring;

pub(crate) fn gaps(console: &Console, gaps: &[String]) {
    for gap in gaps {
        console.warning(gap);
    }
}

/// One line for each thing that changes (with the reason only for those who want details), and the sum.
pub(crate) fn plan(console: &Console, plan: &Plan, is_told: bool) {
    let mut lines: Vec<(Change, String)> = Vec::new();
    for planned in &plan.alarms {
        let definition = &planned.wanted.definition;
        let what = match planned.change {
            Change::Update => planned.differences.join("; "),
            _ => format!("{} ({})", definition.description, planned.wanted.source),
        };
        lines.push((planned.change, format!("{}: {what}", definition.name)));
    }
    let composite = &plan.composite;
    let what = match composite.change {
        Change::Update => composite.differences.join("; "),
        _ => composite.wanted.description.clone(),
    };
    lines.push((
        composite.change,
        format!("{}: {what}", composite.wanted.name),
    ));
    let count = |change| lines.iter().filter(|(other, _)| *other == change).count();
    let (created, updated, unchanged) = (
        count(Change::Create),
        count(Change::Update),
        count(Change::Unchanged),
    );
    for filter in &plan.filters {
        let text = format!(
            "metric filter {} of {}: {}",
            filter.wanted.name, filter.wanted.group, filter.wanted.pattern
        );
        lines.push((filter.change, text));
    }
    let dashboard = format!("dashboard {}", plan.dashboard.wanted.name);
    lines.push((plan.dashboard.change, dashboard));
    for (change, text) in &lines {
        let verb = match change {
            Change::Create => "create",
            Change::Update => "update",
            Change::Delete => "delete",
            Change::Unchanged => continue,
        };
        if is_told {
            console.status(&format!("{verb} {text}"));
        } else {
            console.detail(&format!("{verb} {text}"));
        }
    }
    let done = if is_told { "to be " } else { "" };
    if created + updated == 0 {
        console.status(&format!("{unchanged} alarms unchanged"));
    } else {
        console.status(&format!(
            "{created} alarms {done}created, {updated} {done}updated, {unchanged} unchanged"
        ));
    }
}

pub(crate) fn wiring(console: &Console, wiring: Option<&Wiring>, request: &Request) {
    let Some(wiring) = wiring else { return };
    let service = request.names.service(&request.service);
    let will = if request.dry_run { "would be" } else { "are" };
    if wiring.names.is_empty() {
        console.status(&format!(
            "deployments of {service} {will} watched by no alarm any more"
        ));
    } else {
        console.status(&format!(
            "deployments of {service} {will} watched by {}",
            wiring.names.join(", ")
        ));
    }
}

pub(crate) fn subscriptions(console: &Console, subscriptions: &[Subscription]) {
    for one in subscriptions {
        match one.state.as_str() {
            "confirmed" => console.detail(&format!("{} is told", one.endpoint)),
            "pending" => console.warning(&format!(
                "{} has not confirmed its subscription and is told nothing; {}",
                one.endpoint,
                if one.protocol == "email" {
                    "the link is in its mail"
                } else {
                    "it has to visit the SubscribeURL that it was sent"
                }
            )),
            _ => console.status(&format!("{} is to be subscribed", one.endpoint)),
        }
    }
}

pub(crate) fn orphans(console: &Console, orphans: &[Resource]) {
    if orphans.is_empty() {
        return;
    }
    for orphan in orphans {
        console.warning(&format!(
            "nobody wants the {} {} any more",
            orphan.kind, orphan.name
        ));
    }
    console.hint("`alarm-creator prune` deletes them");
}

/// Loud where a deployment would run without the protection that it seems to have.
pub(crate) fn protection(console: &Console, request: &Request, protection: Option<&Protection>) {
    let service = request.names.service(&request.service);
    let Some(protection) = protection else {
        console.status(&format!(
            "there is no service {service} yet: no alarm stops its first deployment, which has nothing to go back to either"
        ));
        return;
    };
    for problem in &protection.problems {
        console.warning(problem);
    }
    if protection.watched.is_empty() {
        console.detail(&format!("no alarm stops a deployment of {service}"));
    } else if protection.on {
        console.status(&format!(
            "{} of {} alarms stop a deployment of {service}{}",
            protection.watched.len(),
            protection.watched.len(),
            if protection.rollback {
                " and roll it back"
            } else {
                ""
            }
        ));
    } else {
        console.warning(&format!(
            "ALARMS DO NOT PROTECT the next deployment of {service}: only failing tasks would stop it"
        ));
    }
}

pub(crate) fn unknown_metrics(console: &Console, unknown: &[String]) {
    for metric in unknown {
        console.warning(&format!(
            "CloudWatch has not heard of the metric {metric} of this service within two weeks; its alarm will say nothing that is true"
        ));
    }
}
