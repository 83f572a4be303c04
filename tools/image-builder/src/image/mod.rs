//! Images as the OCI specifications describe them: names, platforms, configuration, manifests, and the layout
//! of a directory that holds one.

pub(crate) mod config;
pub(crate) mod digest;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod platform;
pub(crate) mod reference;
