//! Which answers of a probe count as success. Pure.

use std::ops::RangeInclusive;

/// Codes an application load balancer can be told to take.
const ALLOWED: RangeInclusive<u16> = 200..=499;

/// A list of codes and ranges of codes, for example `200,202` or `200-299`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::elb) struct Matcher(Vec<RangeInclusive<u16>>);

impl Matcher {
    /// None if `text` is not such a list or has codes that cannot count as success.
    pub(in crate::elb) fn parse(text: &str) -> Option<Self> {
        text.split(',').map(range).collect::<Option<_>>().map(Self)
    }

    pub(in crate::elb) fn takes(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let [first, last] = [first, last].map(|code| code.trim().parse::<u16>().ok());
    let (first, last) = (first?, last?);
    (ALLOWED.contains(&first) && ALLOWED.contains(&last) && first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_codes_and_ranges() {
        let matcher = Matcher::parse("200, 202,300-302").unwrap();
        let taken: Vec<u16> = (200..=499).filter(|code| matcher.takes(*code)).collect();
        assert_eq!(taken, [200, 202, 300, 301, 302]);
    }

    #[test]
    fn refuses_what_is_not_a_list_of_codes() {
        for text in ["", "ok", "200,", "199", "500", "299-200", "200-", "-200"] {
            assert_eq!(Matcher::parse(text), None, "{text}");
        }
    }
}
