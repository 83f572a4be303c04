//! How a document says what it is.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A document that one tool writes and another reads. On the wire it begins with `kind` and `schema`.
pub trait Document: Serialize + DeserializeOwned {
    /// The word that tells this document from others.
    const KIND: &'static str;
    /// Raised when a reader of the old form could misread the new one.
    const SCHEMA: u32;
}

/// Why a text is not the document that was expected.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is not JSON, or a member is missing or of the wrong type.
    #[error("not a valid {kind} document: {source}")]
    Malformed {
        /// The kind that was expected.
        kind: &'static str,
        /// What the JSON reader says, with line and column.
        source: serde_json::Error,
    },
    /// It is another kind of document.
    #[error("expected a document of kind \"{expected}\", found \"{found}\"")]
    OtherKind {
        /// The kind that was expected.
        expected: &'static str,
        /// The kind that the text states.
        found: String,
    },
    /// It was written by another version of the tools.
    #[error(
        "the {kind} document has schema {found}, this version reads schema {expected}; run the step that writes it again"
    )]
    OtherSchema {
        /// The kind of the document.
        kind: &'static str,
        /// The schema that this version reads.
        expected: u32,
        /// The schema that the text states.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Label {
    kind: String,
    schema: u32,
}

#[derive(Serialize)]
struct Labelled<'a, D> {
    kind: &'static str,
    schema: u32,
    #[serde(flatten)]
    document: &'a D,
}

/// Reads a document; members that this version does not know are passed over.
pub fn parse<D: Document>(text: &str) -> Result<D, DocumentError> {
    let malformed = |source| DocumentError::Malformed {
        kind: D::KIND,
        source,
    };
    let label: Label = serde_json::from_str(text).map_err(malformed)?;
    if label.kind != D::KIND {
        return Err(DocumentError::OtherKind {
            expected: D::KIND,
            found: label.kind,
        });
    }
    if label.schema != D::SCHEMA {
        return Err(DocumentError::OtherSchema {
            kind: D::KIND,
            expected: D::SCHEMA,
            found: label.schema,
        });
    }
    serde_json::from_str(text).map_err(malformed)
}

/// The document with its label, ready to be written.
pub fn labelled<D: Document>(document: &D) -> impl Serialize + '_ {
    Labelled {
        kind: D::KIND,
        schema: D::SCHEMA,
        document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    impl Document for Note {
        const KIND: &'static str = "note";
        const SCHEMA: u32 = 2;
    }

    #[test]
    fn reads_what_it_wrote() {
        let note = Note {
            text: "hello".to_owned(),
        };
        let json = serde_json::to_string(&labelled(&note)).unwrap();
        assert_eq!(json, r#"{"kind":"note","schema":2,"text":"hello"}"#);
        assert_eq!(parse::<Note>(&json).unwrap(), note);
    }

    #[test]
    fn refuses_another_kind_and_another_schema() {
        let kind = parse::<Note>(r#"{"kind":"image","schema":2}"#).unwrap_err();
        assert_eq!(
            kind.to_string(),
            r#"expected a document of kind "note", found "image""#
        );
        let schema = parse::<Note>(r#"{"kind":"note","schema":1,"text":"x"}"#).unwrap_err();
        assert_eq!(
            schema.to_string(),
            "the note document has schema 1, this version reads schema 2; run the step that writes it again"
        );
    }
}
