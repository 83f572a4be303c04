//! How much a layer may hold.

/// Limits of one layer, against archives that are made to fill a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
    /// Uncompressed bytes for each compressed one; the first 256 MiB are free.
    pub ratio: u64,
}

/// What any layer may expand to: a file of zeros compresses a thousandfold and harms nobody at this size.
const FREE_BYTES: u64 = 256 * 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 64 * 1024 * 1024 * 1024,
            entries: 2_000_000,
            ratio: 200,
        }
    }
}

impl Limits {
    /// Uncompressed bytes that a layer of so many compressed bytes may have.
    pub(super) fn of_layer(&self, compressed: u64) -> u64 {
        compressed
            .saturating_mul(self.ratio)
            .max(FREE_BYTES)
            .min(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_a_layer_by_its_compressed_size() {
        let limits = Limits {
            bytes: 1 << 40,
            entries: 1,
            ratio: 100,
        };
        assert_eq!(limits.of_layer(1), FREE_BYTES);
        assert_eq!(limits.of_layer(1 << 30), 100 << 30);
        assert_eq!(limits.of_layer(1 << 39), 1 << 40);
    }
}
