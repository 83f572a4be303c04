//! What differs between an environment and another, or what a live service has. Secrets are never shown, and
//! values of the live service only where this environment has the variable in plain text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use contract::exit;
use serde_json::{Value, json};
use toolkit::console::Verbosity;
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use crate::live;
use crate::secret_text::SecretText;
use crate::settings::{Content, Settings};
use crate::sources::Scope;
use crate::vault::Vault;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Diff {
    /// The environment.
    pub scope: Scope,
    /// What it is compared with.
    pub other: Other,
    /// Where the differences go instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside them.
    pub verbosity: Verbosity,
}

/// What an environment is compared with.
#[derive(Debug, Clone)]
pub enum Other {
    /// Another environment of the project.
    Environment(Box<Scope>),
    /// The container of a live service.
    Live {
        /// Name of the cluster.
        cluster: String,
        /// Name of the service.
        service: String,
        /// Name of the container; none is the only one.
        container: Option<String>,
    },
}

/// What one side has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Known to be no secret.
    Plain(String),
    /// A live value, which nobody has called harmless.
    Unknown(SecretText),
    Sealed(SecretText),
    /// What ECS takes as `valueFrom`.
    Reference(String),
}

pub(crate) type Facts = BTreeMap<String, Fact>;

/// Compares and reports.
pub(crate) fn run(request: &Diff) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let (before, after) = aws::block_on(async {
        let after = facts(&request.scope).await?;
        let before = match &request.other {
            Other::Environment(scope) => facts(scope).await?,
            Other::Live {
                cluster,
                service,
                container,
            } => {
                live::facts(
                    &request.scope.region,
                    cluster,
                    service,
                    container.as_deref(),
                )
                .await?
            }
        };
        Ok((before, after))
    })?;
    let from = match &request.other {
        Other::Environment(scope) => scope.environment.clone(),
        Other::Live {
            cluster, service, ..
        } => format!("{cluster}/{service}"),
    };
    let changes = changes(&before, &after);
    for change in &changes {
        console.status(&change.line());
    }
    let document = json!({
        "kind": "environment-diff",
        "schema": 1,
        "from": from,
        "to": request.scope.environment,
        "changes": changes.iter().map(Change::json).collect::<Vec<_>>(),
    });
    output::document(&document, request.output.as_deref(), Secrecy::Public)?;
    if changes.is_empty() {
        console.status(&format!(
            "{} has what {from} has",
            request.scope.environment
        ));
        return Ok(exit::DONE);
    }
    Ok(exit::NEGATIVE)
}

async fn facts(scope: &Scope) -> anyhow::Result<Facts> {
    let vault = Vault::new(&scope.region).await;
    let settings = scope.gather(&vault).await?.accepted(scope)?;
    Ok(of_settings(&settings))
}

fn of_settings(settings: &Settings) -> Facts {
    settings
        .iter()
        .map(|(name, entry)| {
            let fact = match &entry.content {
                Content::Plain(text) => Fact::Plain(text.clone()),
                Content::Sealed(text) => Fact::Sealed(text.clone()),
                Content::Reference(place) => Fact::Reference(place.value_from()),
            };
            (name.to_owned(), fact)
        })
        .collect()
}

struct Change<'f> {
    name: &'f str,
    before: Option<&'f Fact>,
    after: Option<&'f Fact>,
}

fn changes<'f>(before: &'f Facts, after: &'f Facts) -> Vec<Change<'f>> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| Change {
            name,
            before: before.get(name),
            after: after.get(name),
        })
        .filter(|change| match (change.before, change.after) {
            (Some(Fact::Unknown(live)), Some(Fact::Plain(text))) => live.expose() != text,
            (before, after) => before != after,
        })
        .collect()
}

impl Change<'_> {
    fn kind(&self) -> &'static str {
        match (self.before, self.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        }
    }

    fn line(&self) -> String {
        let sign = match self.kind() {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let shown = |fact: Option<&Fact>| fact.map(|fact| self.shown(fact));
        match (shown(self.before), shown(self.after)) {
            (Some(before), Some(after)) => format!("{sign} {}: {before} -> {after}", self.name),
            (one, other) => format!(
                "{sign} {}: {}",
                self.name,
                one.or(other).unwrap_or_default()
            ),
        }
    }

    fn json(&self) -> Value {
        let side = |fact: Option<&Fact>| fact.map(|fact| self.side(fact));
        json!({ "name": self.name, "change": self.kind(), "before": side(self.before), "after": side(self.after) })
    }

    /// Whether the plain values of both sides may be read.
    fn is_open(&self) -> bool {
        matches!(self.after, None | Some(Fact::Plain(_)))
            && matches!(self.before, None | Some(Fact::Plain(_)))
            || matches!(
                (self.before, self.after),
                (Some(Fact::Unknown(_)), Some(Fact::Plain(_)))
            )
    }

    fn shown(&self, fact: &Fact) -> String {
        match fact {
            Fact::Plain(text) if self.is_open() => format!("{text:?}"),
            Fact::Unknown(text) if self.is_open() => format!("{:?}", text.expose()),
            Fact::Plain(_) | Fact::Unknown(_) => "a plain value".to_owned(),
            Fact::Sealed(_) => "a secret".to_owned(),
            Fact::Reference(from) => from.clone(),
        }
    }

    fn side(&self, fact: &Fact) -> Value {
        match fact {
            Fact::Plain(text) if self.is_open() => json!({ "value": text }),
            Fact::Unknown(text) if self.is_open() => json!({ "value": text.expose() }),
            Fact::Plain(_) | Fact::Unknown(_) => json!({ "hidden": "plain" }),
            Fact::Sealed(_) => json!({ "hidden": "secret" }),
            Fact::Reference(from) => json!({ "value_from": from }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_is_known_to_be_harmless() {
        let plain = |text: &str| Fact::Plain(text.to_owned());
        let live = |text: &str| Fact::Unknown(SecretText::new(text.to_owned()));
        let reference = |text: &str| Fact::Reference(text.to_owned());
        let before = Facts::from([
            ("GONE".to_owned(), live("hunter2")),
            ("LEVEL".to_owned(), live("info")),
            ("MOVED".to_owned(), live("hunter2")),
            ("SAME".to_owned(), live("same")),
            ("TOKEN".to_owned(), reference("/a")),
        ]);
        let after = Facts::from([
            (
                "KEY".to_owned(),
                Fact::Sealed(SecretText::new("hunter2".to_owned())),
            ),
            ("LEVEL".to_owned(), plain("warn")),
            ("MOVED".to_owned(), reference("/moved")),
            ("NEW".to_owned(), plain("1")),
            ("SAME".to_owned(), plain("same")),
            ("TOKEN".to_owned(), reference("/b")),
        ]);
        let changes = changes(&before, &after);
        let lines: Vec<String> = changes.iter().map(Change::line).collect();
        assert_eq!(
            lines,
            [
                "- GONE: a plain value",
                "+ KEY: a secret",
                "~ LEVEL: \"info\" -> \"warn\"",
                "~ MOVED: a plain value -> /moved",
                "+ NEW: \"1\"",
                "~ TOKEN: /a -> /b",
            ]
        );
        let json = json!(changes.iter().map(Change::json).collect::<Vec<_>>()).to_string();
        assert!(!json.contains("hunter2"), "{json}");
    }
}
