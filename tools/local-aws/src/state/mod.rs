//! What survives: one SQLite database per local AWS.
//!
//! Objects (a service, a repository, an alarm) are JSON documents by kind and key, written in the same
//! call that answers the client, so nothing acknowledged is lost when the process is killed. What grows
//! without bound (log events, datapoints) has tables of its own, made by the service that fills them.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The layout of the database; a database of another layout is refused.
const LAYOUT: i32 = 1;

/// The database, shared by all services.
pub struct Store {
    connection: Mutex<Connection>,
}

/// A document that has a place in the store.
pub trait Document: Serialize + DeserializeOwned {
    /// The kind under which all documents of this type are kept.
    const KIND: &'static str;
    /// What tells this document from others of its kind.
    fn key(&self) -> String;
}

impl Store {
    /// Opens or creates the database in `file`.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        Self::prepare(Connection::open(file)?)
    }

    /// A database that is gone when the value is dropped.
    pub fn in_memory() -> anyhow::Result<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> anyhow::Result<Self> {
        connection.busy_timeout(Duration::from_secs(5))?;
        // NORMAL in WAL mode survives the death of the process, though not of the machine's power.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS documents (
                 kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
                 PRIMARY KEY (kind, key)
             ) WITHOUT ROWID;",
        )?;
        let layout: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match layout {
            0 => connection.pragma_update(None, "user_version", LAYOUT)?,
            LAYOUT => {}
            other => anyhow::bail!(
                "the state was written by another version (layout {other}, this one has {LAYOUT}); `local-aws reset` starts anew"
            ),
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Writes one document.
    pub fn put<D: Document>(&self, document: &D) -> rusqlite::Result<()> {
        self.put_all(std::slice::from_ref(document))
    }

    /// Writes several documents of a kind, all or none.
    pub fn put_all<D: Document>(&self, documents: &[D]) -> rusqlite::Result<()> {
        self.transaction(|transaction| {
            documents
                .iter()
                .try_for_each(|document| put_in(transaction, document))
        })
    }

    /// Removes one document; an absent one is no error.
    pub fn delete<D: Document>(&self, key: &str) -> rusqlite::Result<()> {
        self.transaction(|transaction| delete_in::<D>(transaction, key))
    }

    /// Reads one document.
    pub fn get<D: Document>(&self, key: &str) -> rusqlite::Result<Option<D>> {
        self.connection()
            .prepare_cached("SELECT body FROM documents WHERE kind = ?1 AND key = ?2")?
            .query_row(params![D::KIND, key], |row| row.get::<_, String>(0))
            .optional()?
            .map(|body| decode(&body))
            .transpose()
    }

    /// Reads all documents of a kind, by key.
    pub fn all<D: Document>(&self) -> rusqlite::Result<Vec<D>> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT body FROM documents WHERE kind = ?1 ORDER BY key")?;
        let bodies = statement.query_map([D::KIND], |row| row.get::<_, String>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// Runs `work` in one transaction: all of it is kept, or nothing.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// The connection itself, for services with tables of their own. Held only for one statement or transaction.
    pub fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite consistent: an open transaction is rolled back when it is dropped.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a document within a transaction.
pub fn put_in<D: Document>(transaction: &Connection, document: &D) -> rusqlite::Result<()> {
    let body = serde_json::to_string(document)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO documents (kind, key, body) VALUES (?1, ?2, ?3)")?
        .execute(params![D::KIND, document.key(), body])?;
    Ok(())
}

/// Removes a document within a transaction.
pub fn delete_in<D: Document>(transaction: &Connection, key: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND key = ?2")?
        .execute(params![D::KIND, key])?;
    Ok(())
}

fn decode<D: Document>(body: &str) -> rusqlite::Result<D> {
    serde_json::from_str(body).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        name: String,
        text: String,
    }

    impl Document for Note {
        const KIND: &'static str = "note";
        fn key(&self) -> String {
            self.name.clone()
        }
    }

    fn note(name: &str, text: &str) -> Note {
        Note {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn keeps_documents_across_a_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        let store = Store::open(&file).unwrap();
        store
            .put_all(&[note("b", "2"), note("a", "1"), note("c", "3")])
            .unwrap();
        store.put(&note("a", "one")).unwrap();
        store.delete::<Note>("c").unwrap();
        drop(store);
        let store = Store::open(&file).unwrap();
        assert_eq!(
            store.all::<Note>().unwrap(),
            [note("a", "one"), note("b", "2")]
        );
        assert_eq!(store.get::<Note>("c").unwrap(), None);
    }

    #[test]
    fn keeps_nothing_of_a_failed_transaction() {
        let store = Store::in_memory().unwrap();
        let outcome: rusqlite::Result<()> = store.transaction(|transaction| {
            put_in(transaction, &note("a", "1"))?;
            Err(rusqlite::Error::QueryReturnedNoRows)
        });
        assert_eq!(outcome, Err(rusqlite::Error::QueryReturnedNoRows));
        assert_eq!(store.all::<Note>().unwrap(), []);
    }

    #[test]
    fn refuses_a_database_of_another_layout() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.db");
        Connection::open(&file)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let Err(error) = Store::open(&file) else {
            panic!("a database of layout 99 was opened")
        };
        assert!(
            error
                .to_string()
                .starts_with("the state was written by another version (layout 99"),
            "{error}"
        );
    }
}
