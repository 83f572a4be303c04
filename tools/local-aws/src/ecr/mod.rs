//! Amazon ECR: repositories, images, the registry that docker pushes to.
//!
//! Both faces, ECR's API (`api/`) and the distribution protocol (`server::registry`), work on one catalogue
//! and one store of blobs. [`Ecr::resolve`] is how ECS pulls.

mod api;
mod blobs;
mod catalog;
pub(crate) mod digest;
mod image;
pub(crate) mod manifest;
mod model;
mod name;
mod pull;
mod push;
pub(crate) mod refusal;
mod shelf;
#[cfg(test)]
mod tests;
mod tokens;
mod uploads;

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::Answer;
use crate::state::Store;
use blobs::Blobs;
use catalog::Shelves;
use tokens::Tokens;
use uploads::Uploads;

pub use image::{ImageConfig, LocalImage, LocalLayer, PullError};
pub(crate) use model::Image;
pub(crate) use push::Push;
pub(crate) use shelf::Reference;
pub(crate) use tokens::Verdict;

/// The registry of one account.
pub struct Ecr {
    store: Arc<Store>,
    account: Account,
    clock: Clock,
    endpoint_host: String,
    blobs: Blobs,
    shelves: Mutex<Shelves>,
    uploads: Uploads,
    tokens: Tokens,
}

impl Ecr {
    /// Opens the registry whose blobs are below `directory`. `endpoint_host` (`127.0.0.1:PORT`) is the first
    /// part of its repositories' URIs.
    pub fn open(
        store: Arc<Store>,
        account: Account,
        clock: Clock,
        directory: &Path,
        endpoint_host: String,
    ) -> anyhow::Result<Arc<Self>> {
        let blobs = Blobs::open(directory)?;
        Ok(Arc::new(Self {
            shelves: Mutex::new(catalog::load(&store, &blobs)?),
            tokens: Tokens::open(&store)?,
            uploads: Uploads::default(),
            blobs,
            store,
            account,
            clock,
            endpoint_host,
        }))
    }

    /// Runs one operation of ECR's API.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        api::call(self, operation, input)
    }

    /// Whether a client of the registry may go on: its user name and password are those that
    /// GetAuthorizationToken gave.
    pub(crate) fn judge(&self, user: &str, password: &str) -> Verdict {
        if user == tokens::USER {
            self.tokens.judge_password(password, self.clock.now_ms())
        } else {
            Verdict::Bad
        }
    }

    /// Whether an address of a layer was signed by GetDownloadUrlForLayer.
    pub(crate) fn judge_address(&self, path: &str, expires: &str, signature: &str) -> Verdict {
        self.tokens
            .judge(path, expires, signature, self.clock.now_ms())
    }

    /// How many repositories and images there are.
    pub fn counts(&self) -> (usize, usize) {
        let shelves = self.shelves();
        let images = shelves.values().map(|shelf| shelf.images.len()).sum();
        (shelves.len(), images)
    }
}
