//! Secrets that commands of a build may see, and no layer, log or history has.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

/// One secret, by the name that Dockerfiles call it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub(crate) id: String,
    pub(crate) place: Place,
}

/// Where its value is. It is read when a command needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Variable(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} in {:?})", self.id, self.place)
    }
}

impl Secret {
    /// `id=NAME,src=FILE`, `id=NAME,env=VARIABLE`, or `id=NAME` for a variable or a file of that name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut id, mut file, mut variable) = (None, None, None);
        for field in text.split(',') {
            match field.split_once('=') {
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("src" | "source", value)) => file = Some(PathBuf::from(value)),
                Some(("env", value)) => variable = Some(value.to_owned()),
                Some(("type", "file")) => {}
                Some(("type", "env")) => variable = Some(String::new()),
                _ => return Err("write id=NAME,src=FILE or id=NAME,env=VARIABLE".to_owned()),
            }
        }
        let id = id.filter(|id| !id.is_empty()).ok_or("it has no id")?;
        let place = match (file, variable) {
            (Some(_), Some(_)) => return Err("give src or env, not both".to_owned()),
            (Some(file), None) => Place::File(file),
            (None, Some(variable)) if variable.is_empty() => Place::Variable(id.clone()),
            (None, Some(variable)) => Place::Variable(variable),
            (None, None) if std::env::var_os(&id).is_some() => Place::Variable(id.clone()),
            (None, None) => Place::File(PathBuf::from(&id)),
        };
        Ok(Self { id, place })
    }

    /// Its value.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        match &self.place {
            Place::File(file) => fs::read(file).with_context(|| {
                format!("cannot read the secret {} from {}", self.id, file.display())
            }),
            Place::Variable(name) => {
                std::env::var(name)
                    .map(String::into_bytes)
                    .with_context(|| {
                        format!(
                            "cannot read the secret {} from the variable {name}",
                            self.id
                        )
                    })
            }
        }
    }
}

/// The secret of that name.
pub(crate) fn find<'a>(secrets: &'a [Secret], id: &str) -> Option<&'a Secret> {
    secrets.iter().find(|secret| secret.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_a_secret_is() {
        let secret = |id: &str, place| {
            Ok(Secret {
                id: id.to_owned(),
                place,
            })
        };
        for (text, expected) in [
            ("id=a,src=b/c", secret("a", Place::File("b/c".into()))),
            (
                "type=env,id=a,env=B",
                secret("a", Place::Variable("B".to_owned())),
            ),
            (
                "id=no-such-variable",
                secret("no-such-variable", Place::File("no-such-variable".into())),
            ),
            ("src=b", Err("it has no id".to_owned())),
            (
                "id=a,src=b,env=c",
                Err("give src or env, not both".to_owned()),
            ),
            (
                "a",
                Err("write id=NAME,src=FILE or id=NAME,env=VARIABLE".to_owned()),
            ),
        ] {
            assert_eq!(Secret::parse(text), expected, "{text}");
        }
    }
}
