//! What happened, in order.

use contract::deployment::Event;
use jiff::Timestamp;

use crate::service;

/// The timeline of one release.
#[derive(Debug, Default)]
pub(crate) struct Timeline(Vec<Event>);

impl Timeline {
    /// Something that the deployer did or saw, now.
    pub(crate) fn note(&mut self, text: &str) {
        self.0.push(Event {
            at: format!("{:.3}", Timestamp::now()),
            text: text.to_owned(),
        });
    }

    /// An event of the service.
    pub(crate) fn event(&mut self, event: &service::Event) {
        self.0.push(Event {
            at: event.at.clone(),
            text: event.text.clone(),
        });
    }

    pub(crate) fn into_document(self) -> Vec<Event> {
        self.0
    }
}
