//! What happened to alarms: a table of its own, kept for thirty days.

use rusqlite::{Connection, params, params_from_iter, types};
use serde_json::{Value, json};

use super::CloudWatch;
use super::action::Outcome;
use super::alarm::{Alarm, State};
use super::request::{self};
use crate::protocol::{Answer, AwsError, Input, timestamp};

const KEPT_MS: i64 = 30 * 24 * 3_600_000;
/// AWS's longest summary and data, in characters.
const MOST_SUMMARY: usize = 255;
const MOST_DATA: usize = 4095;

/// One thing that happened.
pub(super) struct Item {
    alarm: String,
    alarm_type: &'static str,
    time_ms: i64,
    kind: &'static str,
    summary: String,
    data: String,
}

impl Item {
    /// An alarm was created, changed or deleted.
    pub(super) fn configuration(
        alarm: &Alarm,
        time_ms: i64,
        summary: String,
        data: &Value,
    ) -> Self {
        Self::new(alarm, time_ms, "ConfigurationUpdate", summary, data)
    }

    /// An alarm went from one state to another.
    pub(super) fn state(alarm: &Alarm, before: &State) -> Self {
        let after = &alarm.state;
        Self::new(
            alarm,
            after.updated_ms,
            "StateUpdate",
            format!(
                "Alarm updated from {} to {}",
                before.value.as_str(),
                after.value.as_str()
            ),
            &json!({
                "version": "1.0",
                "oldState": state_data(before),
                "newState": state_data(after),
            }),
        )
    }

    /// An action of the state that an alarm went to, and what came of it.
    pub(super) fn action(alarm: &Alarm, action: &str, outcome: &Outcome) -> Self {
        let mut data = json!({
            "actionState": "Succeeded",
            "notificationResource": action,
            "stateUpdateTimestamp": alarm.state.updated_ms,
        });
        let summary = match outcome {
            Ok(message) => {
                // Data that is cut would not be JSON any more.
                if message.len() < MOST_DATA / 2 {
                    data["publishedMessage"] = json!(message);
                }
                format!("Successfully executed action {action}")
            }
            Err(reason) => {
                data["actionState"] = json!("Failed");
                data["error"] = json!(reason);
                format!("Failed to execute action {action}")
            }
        };
        Self::new(alarm, alarm.state.updated_ms, "Action", summary, &data)
    }

    fn new(alarm: &Alarm, time_ms: i64, kind: &'static str, summary: String, data: &Value) -> Self {
        Self {
            alarm: alarm.name.clone(),
            alarm_type: alarm.kind(),
            time_ms,
            kind,
            summary: summary.chars().take(MOST_SUMMARY).collect(),
            data: data.to_string().chars().take(MOST_DATA).collect(),
        }
    }
}

fn state_data(state: &State) -> Value {
    let mut data = json!({ "stateValue": state.value.as_str(), "stateReason": state.reason });
    if let Some(reason_data) = &state.reason_data
        && let Ok(parsed) = serde_json::from_str::<Value>(reason_data)
    {
        data["stateReasonData"] = parsed;
    }
    data
}

pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS alarm_history (
             id INTEGER PRIMARY KEY, alarm TEXT NOT NULL, alarm_type TEXT NOT NULL, time INTEGER NOT NULL,
             kind TEXT NOT NULL, summary TEXT NOT NULL, data TEXT NOT NULL
         );
         CREATE INDEX IF NOT EXISTS alarm_history_by_time ON alarm_history (time);
         CREATE INDEX IF NOT EXISTS alarm_history_by_alarm ON alarm_history (alarm, time);",
    )
}

pub(super) fn insert_in(transaction: &Connection, item: &Item) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO alarm_history (alarm, alarm_type, time, kind, summary, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            item.alarm,
            item.alarm_type,
            item.time_ms,
            item.kind,
            item.summary,
            item.data
        ])?;
    transaction
        .prepare_cached("DELETE FROM alarm_history WHERE time < ?1")?
        .execute([item.time_ms - KEPT_MS])?;
    Ok(())
}

impl CloudWatch {
    pub(super) fn describe_alarm_history(&self, input: Input<'_>) -> Answer {
        let most = request::most_records(input, 100)?;
        let is_ascending = match input.text("ScanBy")? {
            None | Some("TimestampDescending") => false,
            Some("TimestampAscending") => true,
            Some(other) => {
                return Err(input.refuse(format!(
                    "The value {other} for parameter ScanBy is invalid."
                )));
            }
        };
        let (conditions, mut values) = conditions(input, is_ascending)?;
        let order = if is_ascending {
            "time, id"
        } else {
            "time DESC, id DESC"
        };
        let sql = format!(
            "SELECT id, alarm, alarm_type, time, kind, summary, data FROM alarm_history
             WHERE {conditions} ORDER BY {order} LIMIT ?"
        );
        values.push(types::Value::Integer(
            i64::try_from(most + 1).unwrap_or(i64::MAX),
        ));
        let mut rows: Vec<(String, Value)> = self
            .store
            .connection()
            .prepare_cached(&sql)?
            .query_map(params_from_iter(values), |row| {
                let time: i64 = row.get(3)?;
                let place = format!("{time} {}", row.get::<_, i64>(0)?);
                let members = json!({
                    "AlarmName": row.get::<_, String>(1)?,
                    "AlarmType": row.get::<_, String>(2)?,
                    "Timestamp": timestamp(time),
                    "HistoryItemType": row.get::<_, String>(4)?,
                    "HistorySummary": row.get::<_, String>(5)?,
                    "HistoryData": row.get::<_, String>(6)?,
                });
                Ok((place, members))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let is_cut = rows.len() > most;
        rows.truncate(most);
        let token = rows.last().map(|(place, _)| request::token(place));
        let items: Vec<Value> = rows.into_iter().map(|(_, members)| members).collect();
        let mut answer = json!({ "AlarmHistoryItems": items });
        if let (true, Some(token)) = (is_cut, token) {
            answer["NextToken"] = token;
        }
        Ok(answer)
    }
}

/// What the request asks of rows, as SQL with its values.
fn conditions(
    input: Input<'_>,
    is_ascending: bool,
) -> Result<(String, Vec<types::Value>), AwsError> {
    let mut conditions = vec!["1 = 1".to_owned()];
    let mut values = Vec::new();
    let texts = [("AlarmName", "alarm = ?"), ("HistoryItemType", "kind = ?")];
    for (member, condition) in texts {
        if let Some(text) = input.text(member)? {
            conditions.push(condition.to_owned());
            values.push(types::Value::Text(text.to_owned()));
        }
    }
    let types = input.texts("AlarmTypes")?;
    if !types.is_empty() {
        conditions.push(format!(
            "alarm_type IN ({})",
            vec!["?"; types.len()].join(", ")
        ));
        values.extend(
            types
                .iter()
                .map(|text| types::Value::Text((*text).to_owned())),
        );
    }
    for (member, condition) in [("StartDate", "time >= ?"), ("EndDate", "time <= ?")] {
        if let Some(time) = request::time(input, member)? {
            conditions.push(condition.to_owned());
            values.push(types::Value::Integer(time));
        }
    }
    if let Some(place) = request::after_token(input)? {
        let parsed = place
            .split_once(' ')
            .and_then(|(time, id)| Some((time.parse::<i64>().ok()?, id.parse::<i64>().ok()?)));
        let Some((time, id)) = parsed else {
            return Err(AwsError::new(
                "InvalidNextToken",
                "The value for NextToken is invalid.",
            ));
        };
        let operator = if is_ascending { ">" } else { "<" };
        conditions.push(format!("(time, id) {operator} (?, ?)"));
        values.extend([types::Value::Integer(time), types::Value::Integer(id)]);
    }
    Ok((conditions.join(" AND "), values))
}
