//! Where samples are kept: gathered in memory, written to a table of their own about once a second.
//!
//! A sample that was taken less than a second before the process is killed may be lost; everything else of the
//! local AWS is not. In return, recording one costs a lock and a look-up, which a proxy can afford per request.
//!
//! Points are pre-aggregated: fine ones for three hours, then one a minute for fifteen days, as on AWS.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::statistics::{Aggregate, floor};
use crate::state::Store;

const MINUTE_MS: i64 = 60_000;
/// How long fine points are kept.
const FINE_MS: i64 = 3 * 60 * MINUTE_MS;
/// How long points are kept at all, and a metric listed after its last one.
pub(super) const KEPT_MS: i64 = 15 * 24 * 60 * MINUTE_MS;
/// Fine points rolled up in one transaction.
const ROLL_UP: i64 = 5000;

/// Namespace, name and dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Metric {
    pub namespace: String,
    pub name: String,
    /// Ordered by name.
    pub dimensions: Vec<(String, String)>,
}

impl Metric {
    pub(super) fn new(
        namespace: &str,
        name: &str,
        dimensions: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut dimensions: Vec<_> = dimensions.into_iter().collect();
        dimensions.sort();
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions,
        }
    }

    fn key(&self) -> String {
        key(
            &self.namespace,
            &self.name,
            self.dimensions
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

fn key<'a>(
    namespace: &str,
    name: &str,
    dimensions: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut key = format!("{namespace}\0{name}");
    for (name, value) in dimensions {
        key.push('\0');
        key.push_str(name);
        key.push('\0');
        key.push_str(value);
    }
    key
}

/// The samples of all metrics.
pub(super) struct Samples {
    store: Arc<Store>,
    /// Width of a fine point, in milliseconds.
    width_ms: i64,
    gathered: Mutex<Gathered>,
    /// Held while points move from memory to the table, and while they are read: a reader must find each of them once.
    moving: Mutex<()>,
}

#[derive(Default)]
struct Gathered {
    series: Vec<Series>,
    /// Places in `series` by metric; several where the metric was recorded in several units.
    places: HashMap<String, Vec<usize>>,
}

/// The points of one metric in one unit.
struct Series {
    metric: Metric,
    unit: String,
    /// Its number in the table, once it has one.
    id: Option<i64>,
    last_ms: i64,
    pending: BTreeMap<i64, Aggregate>,
}

/// A metric in a listing.
pub(super) struct Listed {
    pub metric: Metric,
    pub last_ms: i64,
}

impl Samples {
    /// `width_ms`: how wide the points are into which samples are gathered.
    pub(super) fn open(store: Arc<Store>, width_ms: i64) -> anyhow::Result<Self> {
        store.connection().execute_batch(
            "CREATE TABLE IF NOT EXISTS metric_series (
                 id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL,
                 dimensions TEXT NOT NULL, unit TEXT NOT NULL, last INTEGER NOT NULL
             );
             CREATE TABLE IF NOT EXISTS metric_points (
                 resolution INTEGER NOT NULL, series INTEGER NOT NULL, start INTEGER NOT NULL,
                 count REAL NOT NULL, sum REAL NOT NULL, minimum REAL NOT NULL, maximum REAL NOT NULL,
                 distribution BLOB NOT NULL,
                 PRIMARY KEY (resolution, series, start)
             ) WITHOUT ROWID;",
        )?;
        let mut gathered = Gathered::default();
        for series in load(&store.connection())? {
            gathered.insert(series);
        }
        Ok(Self {
            store,
            width_ms,
            gathered: Mutex::new(gathered),
            moving: Mutex::new(()),
        })
    }

    /// Adds one sample; touches memory only.
    pub(super) fn record(
        &self,
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        unit: &str,
        sample: (i64, f64),
    ) {
        let (time_ms, value) = sample;
        let mut ordered = dimensions.to_vec();
        ordered.sort_unstable();
        let key = key(namespace, name, ordered.iter().copied());
        let start = floor(time_ms, self.width_ms);
        let mut gathered = self.gathered();
        let series = gathered.series(&key, unit, || {
            let owned = ordered
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Metric::new(namespace, name, owned)
        });
        series.last_ms = series.last_ms.max(time_ms);
        series
            .pending
            .entry(start)
            .and_modify(|point| point.add(value))
            .or_insert_with(|| Aggregate::of(value, 1.0));
    }

    /// Adds samples that a client aggregated.
    pub(super) fn add(&self, metric: &Metric, unit: &str, time_ms: i64, samples: &Aggregate) {
        let start = floor(time_ms, self.width_ms);
        let mut gathered = self.gathered();
        let series = gathered.series(&metric.key(), unit, || metric.clone());
        series.last_ms = series.last_ms.max(time_ms);
        merge_into(&mut series.pending, start, samples);
    }

    /// The points of a metric from `from_ms` to before `to_ms`, in no order, with their unit. Without a `unit`, those of all units.
    pub(super) fn read(
        &self,
        metric: &Metric,
        unit: Option<&str>,
        from_ms: i64,
        to_ms: i64,
    ) -> rusqlite::Result<Vec<Points>> {
        let _moving = self.moving();
        let mut found = Vec::new();
        let mut ids = Vec::new();
        {
            let gathered = self.gathered();
            let places = gathered.places.get(&metric.key());
            for place in places.into_iter().flatten() {
                let series = &gathered.series[*place];
                if unit.is_none_or(|unit| unit == series.unit) {
                    let pending = series.pending.range(from_ms..to_ms.max(from_ms));
                    found.push(Points {
                        unit: series.unit.clone(),
                        points: pending
                            .map(|(start, point)| (*start, point.clone()))
                            .collect(),
                    });
                    ids.push(series.id);
                }
            }
        }
        let connection = self.store.connection();
        for (points, id) in found.iter_mut().zip(ids) {
            if let Some(id) = id {
                points
                    .points
                    .extend(stored(&connection, id, from_ms, to_ms)?);
            }
        }
        Ok(found)
    }

    /// All metrics that have points.
    pub(super) fn list(&self) -> Vec<Listed> {
        self.gathered()
            .series
            .iter()
            .map(|series| Listed {
                metric: series.metric.clone(),
                last_ms: series.last_ms,
            })
            .collect()
    }

    /// Writes what was gathered since the last time.
    pub(super) fn flush(&self) -> rusqlite::Result<()> {
        let _moving = self.moving();
        let mut taken = Vec::new();
        {
            let mut gathered = self.gathered();
            for (place, series) in gathered.series.iter_mut().enumerate() {
                if !series.pending.is_empty() {
                    let pending = std::mem::take(&mut series.pending);
                    taken.push((place, Batch::of(series, pending)));
                }
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let written = self.store.transaction(|transaction| {
            taken
                .iter()
                .map(|(_, batch)| batch.write(transaction))
                .collect::<rusqlite::Result<Vec<i64>>>()
        });
        let mut gathered = self.gathered();
        match written {
            Ok(ids) => {
                for ((place, _), id) in taken.iter().zip(ids) {
                    gathered.series[*place].id = Some(id);
                }
                Ok(())
            }
            Err(error) => {
                for (place, batch) in taken {
                    for (start, point) in batch.points {
                        merge_into(&mut gathered.series[place].pending, start, &point);
                    }
                }
                Err(error)
            }
        }
    }

    /// Rolls up fine points that are old and removes points that are older still; some of them per call.
    pub(super) fn age(&self, now_ms: i64) -> rusqlite::Result<()> {
        let _moving = self.moving();
        let ids: Vec<i64> = self.gathered().series.iter().filter_map(|s| s.id).collect();
        for id in ids {
            self.store.transaction(|transaction| {
                roll_up(transaction, id, now_ms - FINE_MS)?;
                transaction
                    .prepare_cached(
                        "DELETE FROM metric_points WHERE resolution = ?1 AND series = ?2 AND start < ?3",
                    )?
                    .execute(params![MINUTE, id, now_ms - KEPT_MS])?;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // Every change is a single insertion or addition, whole even after a panic.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moving(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The points of one metric in one unit, in no order.
pub(super) struct Points {
    pub unit: String,
    pub points: Vec<(i64, Aggregate)>,
}

impl Gathered {
    fn insert(&mut self, series: Series) -> usize {
        let place = self.series.len();
        self.places
            .entry(series.metric.key())
            .or_default()
            .push(place);
        self.series.push(series);
        place
    }

    fn series(&mut self, key: &str, unit: &str, metric: impl FnOnce() -> Metric) -> &mut Series {
        let known = self
            .places
            .get(key)
            .and_then(|places| {
                places
                    .iter()
                    .find(|place| self.series[**place].unit == unit)
            })
            .copied();
        let place = known.unwrap_or_else(|| {
            self.insert(Series {
                metric: metric(),
                unit: unit.to_owned(),
                id: None,
                last_ms: 0,
                pending: BTreeMap::new(),
            })
        });
        &mut self.series[place]
    }
}

fn merge_into(points: &mut BTreeMap<i64, Aggregate>, start: i64, samples: &Aggregate) {
    points
        .entry(start)
        .and_modify(|point| point.merge(samples))
        .or_insert_with(|| samples.clone());
}

/// The two resolutions of the table.
const FINE: i64 = 0;
const MINUTE: i64 = 1;

fn load(connection: &Connection) -> rusqlite::Result<Vec<Series>> {
    connection
        .prepare("SELECT id, namespace, name, dimensions, unit, last FROM metric_series")?
        .query_map([], |row| {
            let dimensions: String = row.get(3)?;
            let dimensions: Vec<(String, String)> =
                serde_json::from_str(&dimensions).map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(
                        3,
                        rusqlite::types::Type::Text,
                        error.into(),
                    )
                })?;
            Ok(Series {
                id: Some(row.get(0)?),
                metric: Metric {
                    namespace: row.get(1)?,
                    name: row.get(2)?,
                    dimensions,
                },
                unit: row.get(4)?,
                last_ms: row.get(5)?,
                pending: BTreeMap::new(),
            })
        })?
        .collect()
}

/// What is written of one series.
struct Batch {
    id: Option<i64>,
    metric: Metric,
    unit: String,
    last_ms: i64,
    points: BTreeMap<i64, Aggregate>,
}

impl Batch {
    fn of(series: &Series, points: BTreeMap<i64, Aggregate>) -> Self {
        Self {
            id: series.id,
            metric: series.metric.clone(),
            unit: series.unit.clone(),
            last_ms: series.last_ms,
            points,
        }
    }

    /// Returns the series' number.
    fn write(&self, transaction: &Connection) -> rusqlite::Result<i64> {
        let id = match self.id {
            Some(id) => {
                transaction
                    .prepare_cached("UPDATE metric_series SET last = ?2 WHERE id = ?1")?
                    .execute(params![id, self.last_ms])?;
                id
            }
            None => {
                let dimensions = serde_json::to_string(&self.metric.dimensions)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                transaction
                    .prepare_cached(
                        "INSERT INTO metric_series (namespace, name, dimensions, unit, last)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .insert(params![
                        self.metric.namespace,
                        self.metric.name,
                        dimensions,
                        self.unit,
                        self.last_ms
                    ])?
            }
        };
        for (start, point) in &self.points {
            write_point(transaction, FINE, id, *start, point)?;
        }
        Ok(id)
    }
}

/// Adds a point to what the table has in its place.
fn write_point(
    transaction: &Connection,
    resolution: i64,
    series: i64,
    start: i64,
    point: &Aggregate,
) -> rusqlite::Result<()> {
    let known = transaction
        .prepare_cached(
            "SELECT start, count, sum, minimum, maximum, distribution FROM metric_points
             WHERE resolution = ?1 AND series = ?2 AND start = ?3",
        )?
        .query_row(params![resolution, series, start], read_point)
        .optional()?;
    let merged = match known {
        Some((_, mut known)) => {
            known.merge(point);
            known
        }
        None => point.clone(),
    };
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO metric_points
                 (resolution, series, start, count, sum, minimum, maximum, distribution)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            resolution,
            series,
            start,
            merged.count,
            merged.sum,
            merged.minimum,
            merged.maximum,
            merged.distribution_bytes()
        ])?;
    Ok(())
}

fn read_point(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Aggregate)> {
    let distribution: Vec<u8> = row.get(5)?;
    let point = Aggregate::from_parts(
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        &distribution,
    );
    Ok((row.get(0)?, point))
}

fn stored(
    connection: &Connection,
    series: i64,
    from_ms: i64,
    to_ms: i64,
) -> rusqlite::Result<Vec<(i64, Aggregate)>> {
    connection
        .prepare_cached(
            "SELECT start, count, sum, minimum, maximum, distribution FROM metric_points
             WHERE resolution IN (0, 1) AND series = ?1 AND start >= ?2 AND start < ?3",
        )?
        .query_map(params![series, from_ms, to_ms], read_point)?
        .collect()
}

fn roll_up(transaction: &Connection, series: i64, before_ms: i64) -> rusqlite::Result<()> {
    let old: Vec<(i64, Aggregate)> = transaction
        .prepare_cached(
            "SELECT start, count, sum, minimum, maximum, distribution FROM metric_points
             WHERE resolution = ?1 AND series = ?2 AND start < ?3 ORDER BY start LIMIT ?4",
        )?
        .query_map(params![FINE, series, before_ms, ROLL_UP], read_point)?
        .collect::<rusqlite::Result<_>>()?;
    let Some((last, _)) = old.last() else {
        return Ok(());
    };
    transaction
        .prepare_cached(
            "DELETE FROM metric_points WHERE resolution = ?1 AND series = ?2 AND start <= ?3",
        )?
        .execute(params![FINE, series, last])?;
    for (start, bucket) in super::statistics::buckets(old, MINUTE_MS, 0) {
        write_point(transaction, MINUTE, series, start, &bucket)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn sums(samples: &Samples, metric: &Metric, unit: Option<&str>) -> Vec<(i64, f64)> {
        let mut sums: Vec<(i64, f64)> = samples
            .read(metric, unit, 0, i64::MAX)
            .unwrap()
            .into_iter()
            .flat_map(|points| points.points)
            .map(|(start, point)| (start, point.sum))
            .collect();
        sums.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        sums
    }

    fn metric() -> Metric {
        Metric::new(
            "N",
            "m",
            [
                ("b".to_owned(), "2".to_owned()),
                ("a".to_owned(), "1".to_owned()),
            ],
        )
    }

    fn record(samples: &Samples, time: i64, value: f64) {
        samples.record("N", "m", &[("b", "2"), ("a", "1")], "None", (time, value));
    }

    #[test]
    fn reads_samples_once_before_and_after_they_are_written() {
        let samples = Samples::open(Arc::new(Store::in_memory().unwrap()), 1000).unwrap();
        record(&samples, NOW + 1, 1.0);
        record(&samples, NOW + 999, 2.0);
        assert_eq!(sums(&samples, &metric(), None), [(NOW, 3.0)]);
        samples.flush().unwrap();
        assert_eq!(sums(&samples, &metric(), None), [(NOW, 3.0)]);
        record(&samples, NOW + 500, 4.0);
        record(&samples, NOW + 1000, 8.0);
        samples.flush().unwrap();
        assert_eq!(
            sums(&samples, &metric(), None),
            [(NOW, 7.0), (NOW + 1000, 8.0)]
        );
        assert_eq!(sums(&samples, &Metric::new("N", "m", []), None), []);
    }

    #[test]
    fn keeps_units_apart() {
        let samples = Samples::open(Arc::new(Store::in_memory().unwrap()), 1000).unwrap();
        record(&samples, NOW, 1.0);
        samples.add(&metric(), "Seconds", NOW, &Aggregate::of(2.0, 1.0));
        assert_eq!(sums(&samples, &metric(), Some("Seconds")), [(NOW, 2.0)]);
        assert_eq!(sums(&samples, &metric(), Some("Bytes")), []);
        assert_eq!(sums(&samples, &metric(), None), [(NOW, 1.0), (NOW, 2.0)]);
    }

    #[test]
    fn keeps_written_samples_across_a_reopening() {
        let store = Arc::new(Store::in_memory().unwrap());
        let samples = Samples::open(Arc::clone(&store), 1000).unwrap();
        record(&samples, NOW, 1.0);
        samples.flush().unwrap();
        let again = Samples::open(store, 500).unwrap();
        assert_eq!(sums(&again, &metric(), None), [(NOW, 1.0)]);
        record(&again, NOW, 2.0);
        again.flush().unwrap();
        assert_eq!(sums(&again, &metric(), None), [(NOW, 3.0)]);
        assert_eq!(again.list().len(), 1);
    }

    #[test]
    fn rolls_up_and_forgets_old_points() {
        let samples = Samples::open(Arc::new(Store::in_memory().unwrap()), 1000).unwrap();
        let minute = floor(NOW, MINUTE_MS);
        record(&samples, minute, 1.0);
        record(&samples, minute + 59_000, 2.0);
        samples.flush().unwrap();
        samples.age(minute + FINE_MS).unwrap();
        assert_eq!(
            sums(&samples, &metric(), None),
            [(minute, 1.0), (minute + 59_000, 2.0)]
        );
        samples.age(minute + FINE_MS + MINUTE_MS).unwrap();
        assert_eq!(sums(&samples, &metric(), None), [(minute, 3.0)]);
        samples.age(minute + KEPT_MS + 1).unwrap();
        assert_eq!(sums(&samples, &metric(), None), []);
    }
}
