//! From `update` to a release.

use std::path::Path;
use std::time::Duration;

use super::deploy::Following;
use crate::Command;
use crate::create::Settings;
use crate::release::{LockWish, Release};
use crate::source::Source;
use crate::update::Update;

/// The cluster, and the release. `output` is where its document goes.
pub(super) fn command(update: Update, output: Option<&Path>) -> (String, Command) {
    let options = update.options;
    // Whoever asks for no change asks for new tasks of the same.
    let is_again = update.patch.changes.is_empty() && update.patch.task.is_none();
    let source = Source::Patched(Box::new(update.patch));
    let usual = Following::usual().into_release(update.service, source, output);
    let release = Release {
        settings: Settings {
            count: options.desired_count,
            ..Settings::default()
        },
        timeout: options.timeout,
        placement: if options.ignores_warnings {
            Duration::MAX
        } else {
            usual.placement
        },
        pace: options.pace,
        rolls_back: options.rolls_back,
        force: options.forces_new_deployment || is_again,
        dry_run: options.dry_run,
        no_wait: !options.waits,
        lock: LockWish {
            owner: options.user,
            message: options.comment.unwrap_or_default(),
            ..LockWish::default()
        },
        ..usual
    };
    (update.cluster, Command::Deploy(Box::new(release)))
}
