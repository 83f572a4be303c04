//! Which users of the host stand behind the users of a task.

use std::fs;
use std::io;

use nix::unistd::Uid;
use serde::{Deserialize, Serialize};

/// First host id of the range that root's tasks use: the lowest that systemd's registry of id ranges
/// (systemd.io/UIDS-GIDS) leaves unused.
const SHIFT_BASE: u32 = 0x7000_0000;
/// As many ids as a task can have.
const SHIFT_COUNT: u32 = 65_536;

/// User and group ids of tasks and of the files in their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// Id n of the task is `base` + n on the host, for n below `count`: root of a task is nobody on the host. Unpacked
    /// images are owned accordingly. Needs root.
    Shifted { base: u32, count: u32 },
    /// Every id of the task is the user who runs it; all files of an unpacked image are that user's.
    Single,
}

impl Ids {
    /// What this process can have. Stable for a user and machine, so unpacked images can be kept.
    pub fn available() -> Ids {
        let shifted = Uid::effective().is_root()
            && ["/proc/self/uid_map", "/proc/self/gid_map"]
                .iter()
                .all(|map| {
                    fs::read_to_string(map).is_ok_and(|map| {
                        covers(&map, u64::from(SHIFT_BASE), u64::from(SHIFT_COUNT))
                    })
                });
        if shifted {
            Ids::Shifted {
                base: SHIFT_BASE,
                count: SHIFT_COUNT,
            }
        } else {
            Ids::Single
        }
    }

    /// The host's id for a task's id; ids that a task cannot have become nobody.
    pub(crate) fn on_host(self, id: u64) -> Option<u32> {
        const NOBODY: u32 = 65_534;
        match self {
            Ids::Shifted { base, count } => {
                let id = u32::try_from(id)
                    .ok()
                    .filter(|id| *id < count)
                    .unwrap_or(NOBODY);
                Some(base + id)
            }
            Ids::Single => None,
        }
    }

    /// The id inside for one on the host: for what a task's own processes left.
    pub(crate) fn in_container(self, id: u32) -> u32 {
        const NOBODY: u32 = 65_534;
        match self {
            Ids::Shifted { base, count } => id
                .checked_sub(base)
                .filter(|id| *id < count)
                .unwrap_or(NOBODY),
            Ids::Single => 0,
        }
    }

    /// Gives a process that has just entered a new user namespace its ids. Called from the parent namespace for
    /// shifted ids (the kernel asks for its rights there), from within for a single one.
    pub(crate) fn map(self, pid: &str, uid: u32, gid: u32) -> io::Result<()> {
        let write = |file: &str, text: String| fs::write(format!("/proc/{pid}/{file}"), text);
        match self {
            Ids::Shifted { base, count } => {
                write("uid_map", format!("0 {base} {count}\n"))?;
                write("gid_map", format!("0 {base} {count}\n"))
            }
            Ids::Single => {
                write("setgroups", "deny".to_owned())?;
                write("uid_map", format!("0 {uid} 1\n"))?;
                write("gid_map", format!("0 {gid} 1\n"))
            }
        }
    }
}

impl Ids {
    /// From within a user namespace inside a task with a single id: that user's new numbers.
    pub(crate) fn rename_single(uid: u32, gid: u32) -> io::Result<()> {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} 0 1\n"))?;
        fs::write("/proc/self/gid_map", format!("{gid} 0 1\n"))
    }
}

/// Whether one line of an id map (inside, outside, count) contains the whole range.
fn covers(map: &str, start: u64, count: u64) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers.as_slice(), [inside, _, length] if *inside <= start && start + count <= inside + length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_range_in_an_id_map() {
        let cases = [
            ("         0          0 4294967295\n", true),
            ("0 1000 1\n", false),
            ("0 100000 65536\n", false),
            ("0 0 1000\n1879048192 5 65536\n", true),
            ("0 0 1000\n1879048192 5 65535\n", false),
            ("", false),
        ];
        for (map, expected) in cases {
            assert_eq!(covers(map, 0x7000_0000, 65_536), expected, "{map}");
        }
    }

    #[test]
    fn shifts_ids_and_gives_what_it_cannot_to_nobody() {
        let ids = Ids::Shifted {
            base: 1000,
            count: 65_536,
        };
        assert_eq!(ids.on_host(0), Some(1000));
        assert_eq!(ids.on_host(65_535), Some(66_535));
        assert_eq!(ids.on_host(65_536), Some(66_534));
        assert_eq!(ids.on_host(1 << 40), Some(66_534));
        assert_eq!(Ids::Single.on_host(7), None);
        assert_eq!(ids.in_container(1033), 33);
        assert_eq!(ids.in_container(999), 65_534);
        assert_eq!(Ids::Single.in_container(1033), 0);
    }
}
