//! The build context: the directory that COPY and ADD take files from, less what `.dockerignore` leaves out.

mod directory;
mod ignore;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod secret;

pub(crate) use directory::Context;
