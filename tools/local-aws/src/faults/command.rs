//! `local-aws fault`: the same from the command line.

use std::path::{Path, PathBuf};

use contract::exit;
use serde_json::{Value, json};
use toolkit::file::Secrecy;
use toolkit::{Fault, output};

use super::rules::Rule;
use crate::client::Client;
use crate::control;

const PLACE: &str = "/_local/faults";

/// What becomes of a server's faults.
#[derive(Debug)]
pub struct Request {
    /// The directory of the server's state.
    pub state: PathBuf,
    /// What is done.
    pub change: Change,
}

/// What is done to a server's faults.
#[derive(Debug)]
pub enum Change {
    /// One more.
    Add(Rule),
    /// Nothing; they are only looked at.
    List,
    /// All of them are forgotten.
    Clear,
}

/// Does it, and writes the rules that there are then.
pub(crate) fn run(request: &Request) -> anyhow::Result<u8> {
    let client = server(&request.state)?;
    let document: Value = match &request.change {
        Change::Add(rule) => client.post(PLACE, &json!({ "rules": [rule] }))?,
        Change::List => client.get(PLACE)?,
        Change::Clear => client.delete(PLACE)?,
    };
    output::document(&document, None, Secrecy::Public)?;
    Ok(exit::DONE)
}

fn server(state: &Path) -> anyhow::Result<Client> {
    match control::running(state)? {
        Some((_, endpoint)) => Client::new(&endpoint.endpoint),
        None => Err(Fault::new(
            exit::FAILED,
            format!("no local AWS runs in {}", state.display()),
        )
        .with_hint("faults belong to a running server; `local-aws serve` starts one")
        .into()),
    }
}
