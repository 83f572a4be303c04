//! `log-tailer query`: a query of Logs Insights, and its result as a table.

use std::path::PathBuf;
use std::time::Duration;

use aws::{Pace, explain};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{QueryStatistics, QueryStatus};
use contract::exit;
use serde_json::{Map, Value};
use tokio::time::Instant;
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::interrupt;
use crate::output::{csv, table};

/// What to ask.
#[derive(Debug, Clone)]
pub struct Request {
    /// The query, in Insights' language.
    pub query: String,
    /// Log groups.
    pub groups: Vec<String>,
    /// Milliseconds since 1970.
    pub since: i64,
    /// Milliseconds since 1970.
    pub until: i64,
    /// Rows at most.
    pub limit: Option<i32>,
    /// The form of the result.
    pub form: Form,
    /// The query is given up after this.
    pub deadline: Duration,
    /// Where the result goes; none is stdout.
    pub output: Option<PathBuf>,
    /// What is said beside it.
    pub verbosity: Verbosity,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// One JSON object in a line
    Json,
    /// Comma-separated values with a line of names
    Csv,
}

/// A field that only Insights itself understands.
const POINTER: &str = "@ptr";

/// Runs the query and writes its result.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let client = Client::new(&aws::config().await?);
    let answer = client
        .start_query()
        .set_log_group_names(Some(request.groups.clone()))
        .query_string(&request.query)
        // Insights counts in seconds.
        .start_time(request.since.div_euclid(1000))
        .end_time(request.until.div_euclid(1000))
        .set_limit(request.limit)
        .send()
        .await
        .map_err(|error| explain("start the query", error))?;
    let id = answer
        .query_id()
        .ok_or_else(|| anyhow::anyhow!("the answer to StartQuery names no query"))?;
    let rows = tokio::select! {
        rows = finished(&client, id, request, &console) => rows,
        pressed = interrupt::asked() => {
            pressed?;
            stop(&client, id, &console).await;
            return Ok(exit::INTERRUPTED);
        }
    };
    let Some(rows) = rows? else {
        stop(&client, id, &console).await;
        console.error(&format!(
            "the query did not end within {} s and was stopped",
            request.deadline.as_secs()
        ));
        return Ok(exit::TIMED_OUT);
    };
    write(&rows, request)?;
    Ok(exit::DONE)
}

/// Cells by name, in the order of the query.
type Row = Vec<(String, String)>;

/// Waits for the result; none is the deadline.
async fn finished(
    client: &Client,
    id: &str,
    request: &Request,
    console: &Console,
) -> anyhow::Result<Option<Vec<Row>>> {
    let deadline = Instant::now() + request.deadline;
    aws::poll(Pace::USUAL, deadline, async || {
        let answer = client
            .get_query_results()
            .query_id(id)
            .send()
            .await
            .map_err(|error| explain(&format!("read the result of the query {id}"), error))?;
        match answer.status() {
            Some(QueryStatus::Complete) => {}
            Some(QueryStatus::Scheduled | QueryStatus::Running) => return Ok(None),
            other => {
                let status = other.map_or("no status", QueryStatus::as_str);
                return Err(Fault::new(1, format!("the query ended as {status}")).into());
            }
        }
        let rows: Vec<Row> = answer
            .results()
            .iter()
            .map(|row| {
                row.iter()
                    .filter(|cell| cell.field() != Some(POINTER))
                    .map(|cell| {
                        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                        (text(cell.field()), text(cell.value()))
                    })
                    .collect()
            })
            .collect();
        say(rows.len(), answer.statistics(), console);
        Ok(Some(rows))
    })
    .await
}

fn say(rows: usize, statistics: Option<&QueryStatistics>, console: &Console) {
    let mut text = counted(rows as u64, "row");
    if let Some(statistics) = statistics {
        text.push_str(&format!(
            "; {} of {} events matched, {:.1} MB read",
            statistics.records_matched(),
            statistics.records_scanned(),
            statistics.bytes_scanned() / 1e6
        ));
    }
    console.status(&text);
}

async fn stop(client: &Client, id: &str, console: &Console) {
    if let Err(error) = client.stop_query().query_id(id).send().await {
        let error = explain(&format!("stop the query {id}"), error);
        console.warning(&format!("{error:#}"));
    }
}

/// Names of all rows, in the order of their first coming: a row has no cell for what its event lacks.
fn names(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn write(rows: &[Row], request: &Request) -> anyhow::Result<()> {
    let names = names(rows);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let cell = |name: &String| row.iter().find(|(known, _)| known == name);
            names
                .iter()
                .map(|name| cell(name).map_or_else(String::new, |(_, value)| value.clone()))
                .collect()
        })
        .collect();
    let bytes = match request.form {
        Form::Table if names.is_empty() => Vec::new(),
        Form::Table => table::render(&names, &cells).into_bytes(),
        Form::Csv => {
            let mut bytes = Vec::new();
            for row in std::iter::once(&names).chain(&cells) {
                csv::row(row, &mut bytes);
                bytes.push(b'\n');
            }
            bytes
        }
        Form::Json => {
            let mut bytes = Vec::new();
            for row in rows {
                let object: Map<String, Value> = row
                    .iter()
                    .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                    .collect();
                serde_json::to_writer(&mut bytes, &object)?;
                bytes.push(b'\n');
            }
            bytes
        }
    };
    output::artifact(&bytes, request.output.as_deref(), Secrecy::Public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_the_names_of_all_rows() {
        let cell = |name: &str| (name.to_owned(), String::new());
        let rows = [vec![cell("a")], vec![cell("b"), cell("a")]];
        assert_eq!(names(&rows), ["a", "b"]);
    }
}
