//! Just enough XML for answers: elements with text. Attributes are of no use there; a document type, which
//! could define entities, is refused.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Answers nest about ten deep.
const DEEPEST: usize = 64;

/// An element, its text without the space around it, and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Without a prefix.
    pub name: String,
    /// Its own text.
    pub text: String,
    /// In order.
    pub children: Vec<Element>,
}

/// Why a text is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Malformed.
    #[error("not well-formed XML: {0}")]
    Malformed(String),
    /// Nested too deeply.
    #[error("elements are nested more than {DEEPEST} deep")]
    TooDeep,
    /// It defines a document type.
    #[error("it has a document type")]
    DocumentType,
    /// Nothing in it.
    #[error("there is no element")]
    Empty,
}

impl Element {
    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The first element of this name, at any depth.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| {
            if child.name == name {
                Some(child)
            } else {
                child.find(name)
            }
        })
    }

    /// The items of a list: the children of the first element of this name, at any depth.
    #[must_use]
    pub fn items(&self, list: &str) -> &[Self] {
        self.find(list).map_or(&[], |list| &list.children)
    }
}

/// The outermost element.
pub(super) fn parse(text: &str) -> Result<Element, XmlError> {
    let malformed = |error: &dyn std::fmt::Display| XmlError::Malformed(error.to_string());
    let mut reader = Reader::from_str(text);
    // The first one stands for the document.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| malformed(&error))? {
            Event::Start(tag) => {
                if open.len() > DEEPEST {
                    return Err(XmlError::TooDeep);
                }
                open.push(named(tag.local_name().into_inner()));
            }
            Event::Empty(tag) => {
                let element = named(tag.local_name().into_inner());
                innermost(&mut open)?.children.push(element);
            }
            Event::End(_) => {
                let mut element = open.pop().ok_or(XmlError::Empty)?;
                element.text = element.text.trim().to_owned();
                innermost(&mut open)?.children.push(element);
            }
            Event::Text(text) => innermost(&mut open)?.text.push_str(&text),
            Event::CData(text) => innermost(&mut open)?.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let character = match reference
                    .resolve_char_ref()
                    .map_err(|error| malformed(&error))?
                {
                    Some(character) => character,
                    None => predefined(&reference).ok_or_else(|| {
                        malformed(&format!("the entity {:?} is not known", &*reference))
                    })?,
                };
                innermost(&mut open)?.text.push(character);
            }
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if open.len() > 1 {
        return Err(XmlError::Malformed("it ends within an element".to_owned()));
    }
    let document = open.pop().ok_or(XmlError::Empty)?;
    document.children.into_iter().next().ok_or(XmlError::Empty)
}

fn innermost(open: &mut [Element]) -> Result<&mut Element, XmlError> {
    open.last_mut().ok_or(XmlError::Empty)
}

fn named(name: &str) -> Element {
    Element {
        name: name.to_owned(),
        ..Element::default()
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_and_references() {
        let text = r#"<?xml version="1.0"?>
<a:R xmlns:a="x"><set><item><id> s-1 </id><n/></item><item><id>&lt;&#65;<![CDATA[&]]></id></item></set></a:R>"#;
        let root = parse(text).unwrap();
        assert_eq!(root.name, "R");
        let ids: Vec<_> = root
            .items("set")
            .iter()
            .map(|item| item.text_of("id"))
            .collect();
        assert_eq!(ids, [Some("s-1"), Some("<A&")]);
        assert_eq!(root.find("n").map(|n| n.text.as_str()), Some(""));
    }

    #[test]
    fn refuses_what_is_hostile() {
        let deep = "<a>".repeat(70);
        let table = [
            (deep.as_str(), XmlError::TooDeep),
            (
                "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
                XmlError::DocumentType,
            ),
            ("", XmlError::Empty),
            (
                "<a>",
                XmlError::Malformed("it ends within an element".to_owned()),
            ),
            (
                "<a>&e;</a>",
                XmlError::Malformed("the entity \"e\" is not known".to_owned()),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        assert!(matches!(parse("<a></b>"), Err(XmlError::Malformed(_))));
    }
}
