//! Application Auto Scaling, IAM and EC2 on the wire: the real program, real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that finds what it did not expect ends its test"
)]

mod autoscaling;
mod ec2;
mod iam;
#[path = "../program/mod.rs"]
mod program;
#[path = "../faults/support.rs"]
mod support;
