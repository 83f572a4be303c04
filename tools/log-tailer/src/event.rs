//! An event, and what it is recognised by.

use std::sync::Arc;

/// One log event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// By which it is recognised when it is read again.
    pub(crate) key: Key,
    /// Name of the stream; events of a stream share it.
    pub(crate) stream: Arc<str>,
    /// Milliseconds since 1970, as the writer says.
    pub(crate) timestamp: i64,
    /// Milliseconds since 1970, when CloudWatch took it in.
    pub(crate) ingestion: i64,
    pub(crate) message: Box<str>,
}

impl Event {
    /// Events are shown by time, then by arrival; the sort that uses it leaves equal ones as they came.
    pub(crate) fn order(&self) -> (i64, i64) {
        (self.timestamp, self.ingestion)
    }
}

/// 128 bits of CloudWatch's event id: its 56 digits for every event of a minute would be most of a follower's
/// memory. The ids are CloudWatch's own, so nobody can choose two that collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) u128);

impl Key {
    /// Of an event id; where a server gives none, of everything else that the event has.
    pub(crate) fn of(id: &str, stream: &str, timestamp: i64, message: &str) -> Self {
        let mut mix = Mix::default();
        if id.is_empty() {
            mix.add(stream.as_bytes());
            mix.add(&timestamp.to_le_bytes());
            mix.add(message.as_bytes());
        } else {
            mix.add(id.as_bytes());
        }
        Self(mix.finish())
    }
}

/// Two multiplicative hashes side by side, eight bytes at a time.
struct Mix(u64, u64);

impl Default for Mix {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f)
    }
}

impl Mix {
    fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29);
        self.1 = (self.1.rotate_left(31) ^ word).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        self.1 ^= self.1 >> 33;
    }

    fn finish(&self) -> u128 {
        u128::from(self.0 ^ (self.0 >> 32)) << 64 | u128::from(self.1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tells_neighbouring_ids_apart() {
        let keys: HashSet<Key> = (0..200_000)
            .map(|number| Key::of(&format!("{number:056}"), "s", 0, "m"))
            .collect();
        assert_eq!(keys.len(), 200_000);
    }

    #[test]
    fn recognises_an_event_without_an_id_by_the_rest() {
        let key = Key::of("", "s", 1, "m");
        assert_eq!(key, Key::of("", "s", 1, "m"));
        for other in [
            Key::of("", "t", 1, "m"),
            Key::of("", "s", 2, "m"),
            Key::of("", "s", 1, "n"),
        ] {
            assert_ne!(key, other);
        }
    }
}
