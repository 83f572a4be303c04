//! Behaviour of the API, over `call`.
