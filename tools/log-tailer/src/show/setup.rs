//! What a run begins with.

use std::collections::{BTreeMap, VecDeque};

use aws::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Region;
use toolkit::Console;

use super::{Request, Show};
use crate::cursor::Cursor;
use crate::directory::Directory;
use crate::ecs::news::Told;
use crate::ecs::verdict::Release;
use crate::ecs::watch::Watch;
use crate::lane::{Asking, Lane, Place};
use crate::matching::Matching;
use crate::output::Printer;
use crate::pace::Pace;
use crate::sweep::Sweep;
use crate::tap::{self, Slot};
use crate::window::Window;

/// Lanes that get whole pages.
const WHOLE: usize = 2;
/// Events of all lanes' pages together, where there are more lanes.
const SHARED: usize = 20_000;

/// One client for each region in which a container writes.
#[derive(Debug)]
pub(super) struct Clients {
    config: SdkConfig,
    slot: Slot,
    by_region: BTreeMap<Option<String>, Client>,
}

impl Clients {
    fn new(config: &SdkConfig) -> Self {
        let (config, slot) = tap::tapped(config);
        Self {
            config,
            slot,
            by_region: BTreeMap::new(),
        }
    }

    pub(super) fn get(&mut self, region: Option<&str>) -> Client {
        let config = &self.config;
        self.by_region
            .entry(region.map(str::to_owned))
            .or_insert_with(|| match region {
                None => Client::new(config),
                Some(region) => {
                    let elsewhere = config
                        .clone()
                        .into_builder()
                        .region(Region::new(region.to_owned()))
                        .build();
                    Client::new(&elsewhere)
                }
            })
            .clone()
    }
}

impl<'r> Show<'r> {
    pub(super) async fn new(request: &'r Request) -> anyhow::Result<Self> {
        // Repetition is the sweep's, which slows down for all calls and says so.
        let config = aws::without_retries(&aws::config().await?);
        let watches: Vec<Watch> = request
            .targets
            .iter()
            .map(|target| Watch::new(target.clone(), &config))
            .collect();
        let asking = Asking {
            filter: request.filter.clone(),
            until: request.until,
            limit: None,
        };
        let cursor = request.cursor.as_deref().map(Cursor::open).transpose()?;
        let mut show = Self {
            console: Console::new(request.verbosity),
            clients: Clients::new(&config),
            sweep: Sweep::new(Pace::new(request.rate), asking, request.follow),
            told: watches.iter().map(|_| Told::new(request.since)).collect(),
            releases: watches
                .iter()
                .map(|_| Release::new(request.since))
                .collect(),
            directory: Directory::new(watches, &request.places, request.choice.clone()),
            news: VecDeque::new(),
            last_lines: BTreeMap::new(),
            matching: Matching::new(request.pattern.clone()),
            printer: Printer::new(request.style.clone()),
            cursor,
            look_at: None,
            awaited: Vec::new(),
            newest: i64::MIN,
            written: 0,
            request,
        };
        for place in &request.places {
            show.add_lane(place.clone());
        }
        Ok(show)
    }

    /// Reads one more place, from where the last run ended if there was one.
    pub(super) fn add_lane(&mut self, place: Place) {
        let resumed = self
            .cursor
            .as_ref()
            .and_then(|cursor| cursor.resume(&place));
        let begin = resumed
            .as_ref()
            .map_or(self.request.since, |(since, _)| *since);
        let mut window = Window::new(begin, self.request.lateness);
        for (second, key) in resumed.into_iter().flat_map(|(_, seen)| seen) {
            window.recall(second, key);
        }
        let client = self.clients.get(place.region.as_deref());
        let lane = Lane::new(place, client, self.clients.slot.clone(), window);
        self.sweep.lanes.push(lane);
        let count = self.sweep.lanes.len();
        if count > WHOLE {
            self.sweep.limit(SHARED / count);
        }
    }
}
