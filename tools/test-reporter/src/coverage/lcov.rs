//! lcov's tracefiles (`geninfo(1)`), which every ecosystem can write.

use std::io::{BufRead as _, BufReader, Read};

use anyhow::{Context as _, bail};
use contract::test_report::Portion;

use super::measured::Measured;

pub(super) fn read(input: impl Read) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let mut file: Option<String> = None;
    let mut counts = Counts::default();
    for (number, line) in (1_u64..).zip(BufReader::new(input).split(b'\n')) {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line == "end_of_record" {
            counts.end(&mut measured, file.take());
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        if key == "SF" {
            counts.end(&mut measured, file.take());
            file = Some(value.to_owned());
            continue;
        }
        let name = file.as_deref().unwrap_or_default();
        record(&mut measured, name, &mut counts, key, value)
            .with_context(|| format!("line {number} is `{}`", crate::case::one_line(line)))?;
    }
    counts.end(&mut measured, file);
    if measured.is_empty() {
        bail!("it names no source file");
    }
    Ok(measured)
}

/// What a file states about itself, for reports without single lines.
#[derive(Default)]
struct Counts {
    lines_found: Option<u64>,
    lines_hit: u64,
}

impl Counts {
    fn end(&mut self, measured: &mut Measured, file: Option<String>) {
        let counts = std::mem::take(self);
        if let Some(total) = counts.lines_found {
            measured
                .file(&file.unwrap_or_default())
                .stated
                .lines
                .get_or_insert(Portion {
                    covered: counts.lines_hit.min(total),
                    total,
                });
        }
    }
}

fn record(
    measured: &mut Measured,
    name: &str,
    counts: &mut Counts,
    key: &str,
    value: &str,
) -> anyhow::Result<()> {
    let number = |text: Option<&str>| -> anyhow::Result<u64> {
        text.unwrap_or_default()
            .trim()
            .parse()
            .context("a number is missing")
    };
    let line = |text: Option<&str>| -> anyhow::Result<u32> {
        Ok(u32::try_from(number(text)?).unwrap_or(u32::MAX))
    };
    let mut fields = value.split(',');
    match key {
        "DA" => {
            let line = line(fields.next())?;
            let ran = ran(fields.next());
            measured.file(name).line(line, ran);
        }
        "BRDA" => {
            let line = line(fields.next())?;
            let names: Vec<&str> = fields.collect();
            // The last field is the count; a branch's name may have commas of its own.
            let Some((count, names)) = names.split_last() else {
                bail!("a field is missing");
            };
            measured
                .file(name)
                .branch(line, names.join(","), ran(Some(*count)));
        }
        "FNDA" => {
            let (count, function) = value.split_once(',').context("a field is missing")?;
            measured.file(name).function(function, ran(Some(count)));
        }
        "LF" => counts.lines_found = Some(number(Some(value))?),
        "LH" => counts.lines_hit = number(Some(value))?,
        _ => {}
    }
    Ok(())
}

/// A count of runs: `-` for code that was never reached, a fraction or an exponent from some tools.
fn ran(count: Option<&str>) -> bool {
    count
        .and_then(|count| count.trim().parse::<f64>().ok())
        .is_some_and(|count| count > 0.0)
}
