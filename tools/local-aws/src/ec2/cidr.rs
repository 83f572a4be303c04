//! Blocks of IPv4 addresses.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// A block by its first address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cidr {
    first: Ipv4Addr,
    prefix: u8,
}

impl Cidr {
    /// `A.B.C.D/N`; as EC2 does it, the bits behind the prefix are dropped.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let address: Ipv4Addr = address.parse().ok()?;
        Some(Self {
            first: Ipv4Addr::from_bits(address.to_bits() & mask(prefix)),
            prefix,
        })
    }

    /// Whether EC2 takes it for a VPC or a subnet.
    pub(super) fn is_of_network_size(self) -> bool {
        (16..=28).contains(&self.prefix)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        other.prefix >= self.prefix
            && other.first.to_bits() & mask(self.prefix) == self.first.to_bits()
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Addresses that instances may have: EC2 keeps five of each subnet.
    pub(super) fn usable(self) -> u64 {
        (1_u64 << (32 - self.prefix)).saturating_sub(5)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn reads_blocks() {
        assert_eq!(cidr("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert_eq!(cidr("1.2.3.4/0").to_string(), "0.0.0.0/0");
        for wrong in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "x/8", "10.0.0.0/-1"] {
            assert_eq!(Cidr::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn compares_blocks() {
        let vpc = cidr("10.0.0.0/16");
        assert!(vpc.contains(cidr("10.0.1.0/24")));
        assert!(vpc.contains(vpc));
        assert!(!vpc.contains(cidr("10.1.0.0/24")));
        assert!(!cidr("10.0.1.0/24").contains(vpc));
        assert!(cidr("10.0.1.0/24").overlaps(vpc));
        assert!(!cidr("10.0.1.0/24").overlaps(cidr("10.0.2.0/24")));
        assert_eq!(cidr("10.0.1.0/24").usable(), 251);
    }
}
