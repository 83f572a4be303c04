//! Bringing the variables of a local file to Parameter Store: a plan, and on demand its execution.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_ssm::types::{Parameter, ParameterType};
use contract::exit;
use serde_json::json;
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};
use zeroize::Zeroize as _;

use crate::dotenv::{self, Assignment};
use crate::problem::{Problem, report};
use crate::sources::Parameters;
use crate::vault::Vault;

/// Bytes of the largest value that Parameter Store takes (advanced tier).
const LARGEST: usize = 8_192;

/// Writes that may follow each other without a pause, and the pause between those after them: PutParameter's
/// quota is three a second for the whole account.
const AT_ONCE: usize = 20;
const PACE: Duration = Duration::from_millis(334);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Push {
    /// The file as it was read.
    pub file: Parameters,
    /// Path with a slash at both ends.
    pub path: String,
    /// Where the parameters are.
    pub region: String,
    /// Whether to carry the plan out.
    pub apply: bool,
    /// Variables that are written as String instead of SecureString.
    pub strings: Vec<String>,
    /// Where the plan goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the plan.
    pub verbosity: Verbosity,
}

/// What happens to one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Create,
    Change,
    Keep,
}

struct Step {
    assignment: Assignment,
    kind: ParameterType,
    action: Action,
}

/// Plans, and writes what the plan says if that is asked for.
pub(crate) fn run(request: &Push) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let refused = |problems: Vec<Problem>| Fault::usage(report(&request.path, &problems));
    let assignments = read(request).map_err(refused)?;
    aws::block_on(async {
        let vault = Vault::new(&request.region).await;
        let mut present = vault.below(&request.path, &request.region, true).await?;
        let steps = plan(request, assignments, &present).map_err(refused);
        for parameter in &mut present {
            parameter.value.zeroize();
        }
        let steps = steps?;
        for step in &steps {
            console.status(&format!(
                "{} {}{}",
                step.action.word(),
                request.path,
                step.assignment.name
            ));
        }
        if request.apply {
            carry_out(request, &vault, &steps).await?;
        }
        write(request, &steps)?;
        let left = steps
            .iter()
            .filter(|step| step.action != Action::Keep)
            .count() as u64;
        console.status(&match (left, request.apply) {
            (0, _) => format!("{} has all of it already", request.path),
            (left, true) => format!(
                "{} written below {}",
                counted(left, "parameter"),
                request.path
            ),
            (left, false) => format!(
                "{} to write below {}; --apply does it",
                counted(left, "parameter"),
                request.path
            ),
        });
        Ok(exit::DONE)
    })
}

fn read(request: &Push) -> Result<Vec<Assignment>, Vec<Problem>> {
    let file = &request.file.name;
    let text = request.file.text.as_ref().map_or("", |text| text.expose());
    let assignments = dotenv::read(text).map_err(|mistakes| {
        mistakes
            .into_iter()
            .map(|(line, message)| Problem::new(file, line, message))
            .collect::<Vec<_>>()
    })?;
    let mut problems: Vec<Problem> = assignments
        .iter()
        .filter_map(|Assignment { name, value, line }| {
            let value = value.expose();
            let why = if value.is_empty() {
                "is empty, which Parameter Store does not take"
            } else if value.len() > LARGEST {
                "is longer than 8 KiB, which is all that Parameter Store takes; Secrets Manager takes 64 KiB"
            } else if value.contains("{{") {
                "has {{, which Parameter Store takes for a reference"
            } else {
                return None;
            };
            Some(Problem::new(file, *line, format!("{name} {why}")))
        })
        .collect();
    for name in &request.strings {
        if !assignments
            .iter()
            .any(|assignment| assignment.name == *name)
        {
            problems.push(Problem::new(
                file,
                0,
                format!("--string names {name}, which the file does not set"),
            ));
        }
    }
    if problems.is_empty() {
        Ok(assignments)
    } else {
        Err(problems)
    }
}

fn plan(
    request: &Push,
    assignments: Vec<Assignment>,
    present: &[Parameter],
) -> Result<Vec<Step>, Vec<Problem>> {
    let present: BTreeMap<&str, &Parameter> = present
        .iter()
        .filter_map(|parameter| Some((parameter.name()?.strip_prefix(&request.path)?, parameter)))
        .collect();
    let mut problems = Vec::new();
    let mut steps = Vec::new();
    for assignment in assignments {
        let kind = if request.strings.contains(&assignment.name) {
            ParameterType::String
        } else {
            ParameterType::SecureString
        };
        let action = match present.get(assignment.name.as_str()) {
            None => Action::Create,
            Some(parameter) if parameter.r#type() != Some(&kind) => {
                let has = parameter
                    .r#type()
                    .map_or("another type", ParameterType::as_str);
                problems.push(Problem::new(
                    &request.file.name,
                    assignment.line,
                    format!(
                        "{}{} is a {has} and cannot become a {}; delete it first, or see --string",
                        request.path,
                        assignment.name,
                        kind.as_str()
                    ),
                ));
                continue;
            }
            Some(parameter) if parameter.value() == Some(assignment.value.expose()) => Action::Keep,
            Some(_) => Action::Change,
        };
        steps.push(Step {
            assignment,
            kind,
            action,
        });
    }
    if problems.is_empty() {
        Ok(steps)
    } else {
        Err(problems)
    }
}

/// One after the other, and from the twentieth on at the pace that PutParameter allows for good. What was
/// written before a failure is kept, and the next run goes on from there.
async fn carry_out(request: &Push, vault: &Vault, steps: &[Step]) -> anyhow::Result<()> {
    let due: Vec<&Step> = steps
        .iter()
        .filter(|step| step.action != Action::Keep)
        .collect();
    for (at, step) in due.iter().enumerate() {
        if at >= AT_ONCE {
            tokio::time::sleep(PACE).await;
        }
        let name = format!("{}{}", request.path, step.assignment.name);
        vault
            .put(
                &request.region,
                &name,
                &step.assignment.value,
                step.kind.clone(),
            )
            .await
            .map_err(|error| {
                error.context(format!(
                    "{at} of {} are written; the same command goes on from there",
                    counted(due.len() as u64, "parameter")
                ))
            })?;
    }
    Ok(())
}

fn write(request: &Push, steps: &[Step]) -> anyhow::Result<()> {
    let list: Vec<_> = steps
        .iter()
        .map(|step| {
            json!({
                "name": format!("{}{}", request.path, step.assignment.name),
                "type": step.kind.as_str(),
                "action": step.action.word(),
            })
        })
        .collect();
    let document = json!({
        "kind": "parameter-plan",
        "schema": 1,
        "region": request.region,
        "applied": request.apply,
        "parameters": list,
    });
    output::document(&document, request.output.as_deref(), Secrecy::Public)
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Keep => "keep",
        }
    }
}
