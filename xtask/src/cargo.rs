//! Cargo, called by a program that cargo runs.

use std::ffi::OsString;
use std::path::Path;

use toolkit::process::Invocation;

/// What `cargo run` tells a program about its own package begins so.
const OWN: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// A call of the cargo that runs this program.
///
/// It does not hear of this program's own package: build scripts of dependencies ask for the same variables
/// (ring's does), and would be run anew, with all that is above them, whenever cargo is called through here.
pub(crate) fn call(directory: &Path) -> Invocation {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let call = Invocation::new(cargo).current_dir(directory);
    own_variables().fold(call, Invocation::env_remove)
}

fn own_variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        name.to_str()
            .is_some_and(|name| OWN.iter().any(|own| name.starts_with(own)))
    })
}
