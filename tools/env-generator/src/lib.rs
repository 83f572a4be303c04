//! Puts together what a project's containers find in their environment: plain variables with their values,
//! secrets as references that ECS resolves when a task starts.
//!
//! Sources are merged in one stated order ([`sources`]), checked against a schema, and written in the form that
//! one reader takes. What ECS takes never holds a secret's value, and making it reads none: AWS is only asked
//! whether the secrets exist. Values are read on request alone, for a file that nobody else may read or for a
//! command's environment. This tool must not know what a service or a task definition is, beyond reading the
//! environment of a live one to compare with.

mod answer;
mod batch;
pub mod check;
pub mod cli;
pub mod diff;
mod document;
mod dotenv;
pub mod execute;
mod files;
pub mod generate;
mod live;
mod missing;
mod problem;
pub mod push;
mod reference;
pub mod schema;
mod secret_text;
mod settings;
pub mod sources;
mod target;
mod vault;

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Request {
    /// An environment in one form.
    Generate(Box<generate::Generate>),
    /// Whether environments are as they should be.
    Check(check::Check),
    /// What differs.
    Diff(Box<diff::Diff>),
    /// A command with the environment.
    Run(Box<execute::Run>),
    /// A file to Parameter Store.
    Push(push::Push),
}

/// Does what is asked for, and says how it ended.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    match request {
        Request::Generate(request) => generate::run(request),
        Request::Check(request) => check::run(request),
        Request::Diff(request) => diff::run(request),
        Request::Run(request) => execute::run(request),
        Request::Push(request) => push::run(request),
    }
}
