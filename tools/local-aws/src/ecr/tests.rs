//! The API over `call`.
