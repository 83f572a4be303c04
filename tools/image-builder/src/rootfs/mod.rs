//! File systems of stages and images: what is at each path, and what an instruction adds.

pub(crate) mod account;
pub(crate) mod archive;
pub(crate) mod copy;
pub(crate) mod node;
pub(crate) mod overlay;
pub(crate) mod tree;
pub(crate) mod view;

#[cfg(test)]
mod tests;
