//! The HTTP front: one port for every service's API and for the registry.
