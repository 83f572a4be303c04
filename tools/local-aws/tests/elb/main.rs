//! The load balancer as its clients meet it: API calls in, real sockets out.

mod release;
mod support;
