//! The programs that release, and how each is asked for the same.

use std::path::Path;
use std::process::Command;

use super::Edit;
use super::service::{CLUSTER, CONTAINER, SERVICE};
use crate::bench::stand::Stand;

/// Seconds after which a program has had its time; `timeout` then ends it with 124.
const PATIENCE: &str = "60";

/// As many calls as the AWS CLI needs for a release: the usual script.
const SCRIPT: &str = r#"
arn=$(aws ecs register-task-definition --cli-input-json "file://$1" --query taskDefinition.taskDefinitionArn --output text) &&
aws ecs update-service --cluster "$2" --service "$3" --task-definition "$arn" &&
exec aws ecs wait services-stable --cluster "$2" --services "$3"
"#;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Deploy,
    Update,
    Fabfuel,
    Script,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    kind: Kind,
}

pub(super) const CONTENDERS: [Contender; 4] = [
    Contender {
        name: "deployer deploy",
        kind: Kind::Deploy,
    },
    Contender {
        name: "deployer update",
        kind: Kind::Update,
    },
    Contender {
        name: "ecs deploy",
        kind: Kind::Fabfuel,
    },
    Contender {
        name: "AWS CLI",
        kind: Kind::Script,
    },
];

impl Contender {
    /// The call. `file` holds the whole task definition, for those that take one.
    pub(super) fn command(self, stand: &Stand, change: Option<Edit>, file: &Path) -> Command {
        let mut command = stand.client("/usr/bin/timeout");
        command.args(["--foreground", PATIENCE]);
        match self.kind {
            Kind::Deploy => {
                command
                    .arg(stand.program("deployer").get_program())
                    .args(["deploy", "--cluster", CLUSTER, "--service", SERVICE])
                    .arg("--task-definition")
                    .arg(file);
            }
            Kind::Update => {
                command
                    .arg(stand.program("deployer").get_program())
                    .args(["update", CLUSTER, SERVICE])
                    .args(flags(change));
            }
            Kind::Fabfuel => {
                command
                    .arg(stand.client("ecs").get_program())
                    .args(["deploy", CLUSTER, SERVICE, "--rollback"])
                    .args(flags(change));
            }
            Kind::Script => {
                command
                    .args(["sh", "-c", SCRIPT, "release"])
                    .arg(file)
                    .args([CLUSTER, SERVICE]);
            }
        }
        command
    }
}

fn flags(change: Option<Edit>) -> Vec<&'static str> {
    match change {
        Some(Edit::Variable(name, value)) => vec!["-e", CONTAINER, name, value],
        Some(Edit::Tag(tag)) => vec!["-t", tag],
        // What runs already.
        None => vec!["-e", CONTAINER, "APP_VERSION", "good"],
    }
}
