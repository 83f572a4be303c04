//! From `update` to a release.

use std::path::Path;
use std::time::Duration;

use crate::Command;
use crate::create::Settings;
use crate::release::{LockWish, Release};
use crate::source::Source;
use crate::update::Update;

/// As [`super::deploy::Following`] has them.
const RETURN: Duration = Duration::from_secs(10 * 60);
const PLACEMENT: Duration = Duration::from_secs(2 * 60);
const FAILURES: u32 = 3;

/// The cluster, and the release. `output` is where its document goes.
pub(super) fn command(update: Update, output: Option<&Path>) -> (String, Command) {
    let options = update.options;
    // Whoever asks for no change asks for new tasks of the same.
    let is_again = update.patch.changes.is_empty() && update.patch.task.is_none();
    let release = Release {
        settings: Settings {
            count: options.desired_count,
            ..Settings::default()
        },
        timeout: options.timeout,
        return_timeout: RETURN,
        failures: FAILURES,
        placement: if options.ignores_warnings {
            Duration::MAX
        } else {
            PLACEMENT
        },
        pace: options.pace,
        rolls_back: options.rolls_back,
        force: options.forces_new_deployment || is_again,
        dry_run: options.dry_run,
        no_wait: !options.waits,
        supersede: false,
        lock: LockWish {
            owner: options.user,
            message: options.comment.unwrap_or_default(),
            ..LockWish::default()
        },
        earlier: output.map(Path::to_owned),
        ..Release::back(&update.service, Source::Patched(Box::new(update.patch)))
    };
    (update.cluster, Command::Deploy(Box::new(release)))
}
