//! The answer of `FilterLogEvents`.
//!
//! It is decoded here and not by the SDK: a page has up to 10,000 events, and the SDK's own decoder makes five
//! strings of each, which is most of the work of this program (measured: 2.6 s for 100,000 events instead of 0.2 s).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::event::{Event, Key};

/// Names of streams in memory at most; beyond, the set is begun anew.
const MOST_NAMES: usize = 4_096;

/// One page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    /// Where to go on. Only its absence ends the reading: a page may be empty and not be the last.
    pub(crate) next: Option<String>,
}

/// Stream names, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        if self.0.len() >= MOST_NAMES {
            self.0.clear();
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    event_id: Cow<'a, str>,
    #[serde(borrow, default)]
    log_stream_name: Cow<'a, str>,
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    ingestion_time: i64,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl Page {
    /// Reads the body of an answer.
    pub(crate) fn decode(body: &[u8], names: &mut Names) -> serde_json::Result<Self> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let page = Answer(names).deserialize(&mut json)?;
        json.end()?;
        Ok(page)
    }
}

/// Makes each event as it is read, so that a page is in memory only once.
struct Answer<'n>(&'n mut Names);

impl<'de> DeserializeSeed<'de> for Answer<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Page, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Answer<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Page, M::Error> {
        let mut page = Page::default();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match &*name {
                "events" => page.events = members.next_value_seed(Events(&mut *self.0))?,
                "nextToken" => {
                    page.next = members
                        .next_value::<Option<String>>()?
                        .filter(|token| !token.is_empty());
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

struct Events<'n>(&'n mut Names);

impl<'de> DeserializeSeed<'de> for Events<'_> {
    type Value = Vec<Event>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Event>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Events<'_> {
    type Value = Vec<Event>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_unit<E>(self) -> Result<Vec<Event>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut wires: S) -> Result<Vec<Event>, S::Error> {
        let mut events = Vec::new();
        while let Some(wire) = wires.next_element::<Wire<'de>>()? {
            events.push(Event {
                key: Key::of(
                    &wire.event_id,
                    &wire.log_stream_name,
                    wire.timestamp,
                    &wire.message,
                ),
                stream: self.0.get(&wire.log_stream_name),
                timestamp: wire.timestamp,
                ingestion: wire.ingestion_time,
                message: wire.message.into(),
            });
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_events_and_token() {
        let body = br#"{"events":[{"logStreamName":"a","timestamp":7,"message":"say \"\u00fc\"","ingestionTime":9,
            "eventId":"01"},{"logStreamName":"a","timestamp":8,"message":"","ingestionTime":9,"eventId":"02"}],
            "nextToken":"t","searchedLogStreams":[]}"#;
        let page = Page::decode(body, &mut Names::default()).unwrap();
        assert_eq!(page.next.as_deref(), Some("t"));
        let [first, second] = &page.events[..] else {
            panic!("{page:?}");
        };
        assert_eq!(
            (first.timestamp, first.ingestion, &*first.message),
            (7, 9, "say \"ü\"")
        );
        assert!(Arc::ptr_eq(&first.stream, &second.stream));
        assert_ne!(first.key, second.key);
    }

    #[test]
    fn an_empty_page_may_have_a_token() {
        let decode = |body: &[u8]| Page::decode(body, &mut Names::default()).unwrap();
        assert_eq!(
            decode(br#"{"events":[],"nextToken":"t"}"#).next.as_deref(),
            Some("t")
        );
        assert_eq!(decode(b"{}"), Page::default());
        assert_eq!(decode(br#"{"nextToken":""}"#).next, None);
    }

    #[test]
    fn forgets_names_before_they_become_many() {
        let mut names = Names::default();
        for number in 0..3 * MOST_NAMES {
            names.get(&number.to_string());
            assert!(names.0.len() <= MOST_NAMES);
        }
    }
}
