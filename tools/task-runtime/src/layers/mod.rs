//! Unpacks image layers.
