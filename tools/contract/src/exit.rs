//! Exit codes, the same for every tool.

/// All was done, or there was nothing to do.
pub const DONE: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// Wrong arguments or configuration; nothing was changed.
pub const USAGE: u8 = 2;
/// It was done, and the verdict is negative: tests failed, differences found, a gate is closed.
pub const NEGATIVE: u8 = 3;
/// The release failed, and the service is back on the revision that worked (deployer).
pub const ROLLED_BACK: u8 = 4;
/// Another deployment took the place of this one (deployer).
pub const SUPERSEDED: u8 = 5;
/// The time limit passed before there was a verdict (deployer).
pub const TIMED_OUT: u8 = 6;
/// A person or the CI system interrupted it.
pub const INTERRUPTED: u8 = 130;
