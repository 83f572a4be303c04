//! What samples add up to, and the statistics that are read from it. Pure.

use std::collections::BTreeMap;

/// More distinct values than this are kept only approximately.
const MOST_DISTINCT: usize = 256;
/// Bits of an f64's fraction; the first approximation keeps 6 of them, an error of less than 1.6 %.
const FRACTION_BITS: u32 = 52;
const KEPT_BITS: u32 = 6;

/// The samples of one bucket of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aggregate {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
    /// How often each value occurred. Statistic sets whose values are not known are absent from it.
    distribution: BTreeMap<Ordered, f64>,
}

/// A finite float that has an order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Aggregate {
    /// One value that occurred `count` times.
    pub(super) fn of(value: f64, count: f64) -> Self {
        Self {
            count,
            sum: value * count,
            minimum: value,
            maximum: value,
            distribution: BTreeMap::from([(Ordered(value), count)]),
        }
    }

    /// A statistic set, whose values are known only if all are equal.
    pub(super) fn of_set(count: f64, sum: f64, minimum: f64, maximum: f64) -> Self {
        #[expect(clippy::float_cmp, reason = "equal bounds leave one possible value")]
        let is_one_value = minimum == maximum;
        Self {
            count,
            sum,
            minimum,
            maximum,
            distribution: if is_one_value {
                BTreeMap::from([(Ordered(minimum), count)])
            } else {
                BTreeMap::new()
            },
        }
    }

    /// Adds one sample.
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
        *self.distribution.entry(Ordered(value)).or_insert(0.0) += 1.0;
        self.shrink();
    }

    /// Adds the samples of another bucket.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        for (value, count) in &other.distribution {
            *self.distribution.entry(*value).or_insert(0.0) += count;
        }
        self.shrink();
    }

    /// Joins values that are nearly equal until few enough are left.
    fn shrink(&mut self) {
        let mut kept = KEPT_BITS;
        while self.distribution.len() > MOST_DISTINCT {
            let mask = !((1_u64 << (FRACTION_BITS - kept)) - 1);
            let mut joined = BTreeMap::new();
            for (value, count) in &self.distribution {
                let near = Ordered(f64::from_bits(value.0.to_bits() & mask));
                *joined.entry(near).or_insert(0.0) += count;
            }
            self.distribution = joined;
            if kept == 0 {
                // What is left differs in sign or in magnitude by two; there can be no more than 4,096 such values.
                return;
            }
            kept -= 1;
        }
    }

    /// The distribution as pairs of little-endian doubles.
    pub(super) fn distribution_bytes(&self) -> Vec<u8> {
        self.distribution
            .iter()
            .flat_map(|(value, count)| [value.0, *count])
            .flat_map(f64::to_le_bytes)
            .collect()
    }

    /// A bucket as it was written, with what [`Aggregate::distribution_bytes`] gave.
    pub(super) fn from_parts(
        count: f64,
        sum: f64,
        minimum: f64,
        maximum: f64,
        distribution: &[u8],
    ) -> Self {
        let (doubles, _) = distribution.as_chunks::<8>();
        let (pairs, _) = doubles.as_chunks::<2>();
        Self {
            count,
            sum,
            minimum,
            maximum,
            distribution: pairs
                .iter()
                .map(|[value, count]| {
                    (
                        Ordered(f64::from_le_bytes(*value)),
                        f64::from_le_bytes(*count),
                    )
                })
                .collect(),
        }
    }

    /// The value below which `percent` of the samples lie, between the two nearest samples by proportion.
    /// Absent where the values of some samples are not known.
    fn percentile(&self, percent: f64) -> Option<f64> {
        let known: f64 = self.distribution.values().sum();
        if known + 1e-9 < self.count {
            return None;
        }
        let rank = percent / 100.0 * (known - 1.0).max(0.0);
        let mut below = 0.0;
        let mut previous: Option<f64> = None;
        for (value, count) in &self.distribution {
            // This value has the ranks from `below` to `below + count - 1`.
            if rank < below
                && let Some(previous) = previous
            {
                let part = rank - (below - 1.0);
                return Some(self.bounded(previous + (value.0 - previous) * part));
            }
            if rank <= below + count - 1.0 {
                return Some(self.bounded(value.0));
            }
            below += count;
            previous = Some(value.0);
        }
        previous.map(|value| self.bounded(value))
    }

    /// Approximation must not lead outside what occurred.
    fn bounded(&self, value: f64) -> f64 {
        value.clamp(self.minimum, self.maximum)
    }

    /// The samples whose values lie between two percentiles or values.
    fn trimmed(&self, range: &Range) -> Option<(f64, f64)> {
        let known: f64 = self.distribution.values().sum();
        if known + 1e-9 < self.count {
            return None;
        }
        let low = match range.low {
            Bound::None => f64::NEG_INFINITY,
            Bound::Value(value) => value,
            Bound::Percent(percent) => self.percentile(percent)?,
        };
        let high = match range.high {
            Bound::None => f64::INFINITY,
            Bound::Value(value) => value,
            Bound::Percent(percent) => self.percentile(percent)?,
        };
        let inside = self
            .distribution
            .iter()
            .filter(|(value, _)| (low..=high).contains(&value.0));
        Some(inside.fold((0.0, 0.0), |(count, sum), (value, times)| {
            (count + times, sum + value.0 * times)
        }))
    }
}

/// What is read from a bucket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    Percentile(f64),
    Trimmed(Trim, Range),
}

/// What is read from the samples within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trim {
    Mean,
    Count,
    Sum,
    /// The share of samples within the range, in percent.
    Rank,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    low: Bound,
    high: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    None,
    Percent(f64),
    Value(f64),
}

impl Statistic {
    /// Reads `Average`, `p99.9`, `IQM`, `tm90`, `TM(10%:90%)`, `PR(:300)` and their like.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "SampleCount" => return Some(Self::SampleCount),
            "Average" => return Some(Self::Average),
            "Sum" => return Some(Self::Sum),
            "Minimum" => return Some(Self::Minimum),
            "Maximum" => return Some(Self::Maximum),
            "IQM" | "iqm" => {
                return Some(Self::Trimmed(Trim::Mean, Range::percents(25.0, 75.0)));
            }
            _ => {}
        }
        if let Some(percent) = text.strip_prefix('p') {
            return percentage(percent).map(Self::Percentile);
        }
        let (name, rest) = text.split_at_checked(2)?;
        let trim = match name.to_ascii_lowercase().as_str() {
            "tm" | "wm" => Trim::Mean,
            "tc" => Trim::Count,
            "ts" => Trim::Sum,
            "pr" => Trim::Rank,
            _ => return None,
        };
        if name.eq_ignore_ascii_case("wm") {
            // A winsorised mean moves outliers instead of leaving them out; not offered.
            return None;
        }
        let range = match rest.strip_prefix('(') {
            Some(inner) => Range::parse(inner.strip_suffix(')')?)?,
            None if trim == Trim::Rank => return None,
            None => Range {
                low: Bound::None,
                high: Bound::Percent(percentage(rest)?),
            },
        };
        Some(Self::Trimmed(trim, range))
    }

    /// The statistic of a bucket; absent where it is not known.
    pub(super) fn of(&self, bucket: &Aggregate) -> Option<f64> {
        match self {
            Self::SampleCount => Some(bucket.count),
            Self::Average => (bucket.count > 0.0).then(|| bucket.sum / bucket.count),
            Self::Sum => Some(bucket.sum),
            Self::Minimum => Some(bucket.minimum),
            Self::Maximum => Some(bucket.maximum),
            Self::Percentile(percent) => bucket.percentile(*percent),
            Self::Trimmed(trim, range) => {
                let (count, sum) = bucket.trimmed(range)?;
                match trim {
                    Trim::Count => Some(count),
                    Trim::Sum => Some(sum),
                    Trim::Mean => (count > 0.0).then(|| sum / count),
                    Trim::Rank => Some(100.0 * count / bucket.count),
                }
            }
        }
    }
}

impl Range {
    fn percents(low: f64, high: f64) -> Self {
        Self {
            low: Bound::Percent(low),
            high: Bound::Percent(high),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (low, high) = text.split_once(':')?;
        Some(Self {
            low: Bound::parse(low.trim())?,
            high: Bound::parse(high.trim())?,
        })
    }
}

impl Bound {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::None);
        }
        match text.strip_suffix('%') {
            Some(percent) => percentage(percent).map(Self::Percent),
            None => text
                .parse()
                .ok()
                .filter(|v: &f64| v.is_finite())
                .map(Self::Value),
        }
    }
}

fn percentage(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse()
        .ok()
        .filter(|percent| is_plain && (0.0..=100.0).contains(percent))
}

/// Gathers points into buckets of `width_ms`, one of which begins at `origin_ms`.
pub(super) fn buckets(
    points: impl IntoIterator<Item = (i64, Aggregate)>,
    width_ms: i64,
    origin_ms: i64,
) -> BTreeMap<i64, Aggregate> {
    let mut buckets: BTreeMap<i64, Aggregate> = BTreeMap::new();
    for (time, point) in points {
        let start = floor(time - origin_ms, width_ms) + origin_ms;
        match buckets.get_mut(&start) {
            Some(bucket) => bucket.merge(&point),
            None => {
                buckets.insert(start, point);
            }
        }
    }
    buckets
}

/// The multiple of `width_ms` at or before `time_ms`.
pub(super) fn floor(time_ms: i64, width_ms: i64) -> i64 {
    time_ms - time_ms.rem_euclid(width_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = f64>) -> Aggregate {
        let mut values = values.into_iter();
        let mut aggregate = Aggregate::of(values.next().unwrap(), 1.0);
        values.for_each(|value| aggregate.add(value));
        aggregate
    }

    fn read(statistic: &str, aggregate: &Aggregate) -> Option<f64> {
        Statistic::parse(statistic).expect(statistic).of(aggregate)
    }

    #[test]
    fn reads_statistics() {
        let one_to_ten = samples((1..=10).map(f64::from));
        let cases = [
            ("SampleCount", 10.0),
            ("Sum", 55.0),
            ("Average", 5.5),
            ("Minimum", 1.0),
            ("Maximum", 10.0),
            ("p0", 1.0),
            ("p50", 5.5),
            ("p90", 9.1),
            ("p100", 10.0),
            ("IQM", 5.5),
            ("tm90", 5.0),
            ("TM(10%:90%)", 5.5),
            ("TC(3:7)", 5.0),
            ("TS(:3)", 6.0),
            ("PR(:3)", 30.0),
            ("PR(8:)", 30.0),
        ];
        for (statistic, expected) in cases {
            let found = read(statistic, &one_to_ten).unwrap();
            assert!((found - expected).abs() < 1e-9, "{statistic}: {found}");
        }
    }

    #[test]
    fn refuses_what_is_no_statistic() {
        for text in [
            "", "p", "p101", "p-1", "pNaN", "average", "tm", "TM(10%)", "PR90", "wm90", "é", "p1e1",
        ] {
            assert_eq!(Statistic::parse(text), None, "{text}");
        }
    }

    #[test]
    fn weighs_values_by_their_counts() {
        let mut aggregate = Aggregate::of(1.0, 99.0);
        aggregate.merge(&Aggregate::of(100.0, 1.0));
        assert_eq!(read("p50", &aggregate), Some(1.0));
        assert_eq!(read("p98", &aggregate), Some(1.0));
        assert_eq!(read("p100", &aggregate), Some(100.0));
        assert_eq!(read("Average", &aggregate), Some(1.99));
    }

    #[test]
    fn knows_no_percentile_of_a_statistic_set() {
        assert_eq!(read("p50", &Aggregate::of_set(4.0, 10.0, 1.0, 4.0)), None);
        assert_eq!(
            read("p50", &Aggregate::of_set(4.0, 8.0, 2.0, 2.0)),
            Some(2.0)
        );
        assert_eq!(
            read("Average", &Aggregate::of_set(4.0, 10.0, 1.0, 4.0)),
            Some(2.5)
        );
    }

    #[test]
    fn approximates_many_values_within_two_percent() {
        let many = samples((1..=100_000).map(|n| f64::from(n) / 1000.0));
        assert!(many.distribution.len() <= MOST_DISTINCT);
        assert_eq!(read("Maximum", &many), Some(100.0));
        for percent in [1.0, 50.0, 90.0, 99.0, 99.9] {
            let found = Statistic::Percentile(percent).of(&many).unwrap();
            assert!(
                (found - percent).abs() / percent < 0.04,
                "p{percent} is {found}"
            );
        }
    }

    #[test]
    fn is_written_and_read_back() {
        let aggregate = samples([1.5, -2.0, 1.5, 0.0]);
        let again = Aggregate::from_parts(
            aggregate.count,
            aggregate.sum,
            aggregate.minimum,
            aggregate.maximum,
            &aggregate.distribution_bytes(),
        );
        assert_eq!(again, aggregate);
    }

    #[test]
    fn gathers_points_into_aligned_buckets() {
        let points = [(0, 1.0), (59_999, 2.0), (60_000, 4.0), (-1, 8.0)];
        let sums: Vec<(i64, f64)> = buckets(
            points.map(|(time, value)| (time, Aggregate::of(value, 1.0))),
            60_000,
            120_000,
        )
        .into_iter()
        .map(|(start, bucket)| (start, bucket.sum))
        .collect();
        assert_eq!(sums, [(-60_000, 8.0), (0, 3.0), (60_000, 4.0)]);
        let shifted = buckets([(5, Aggregate::of(1.0, 1.0))], 10, 3);
        assert_eq!(shifted.into_keys().collect::<Vec<_>>(), [3]);
    }
}
