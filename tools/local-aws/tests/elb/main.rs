//! The load balancer as its clients meet it: API calls in, real sockets out.

mod api;
mod draining;
mod failures;
mod health;
mod proxy;
mod release;
mod restart;
mod support;
