//! Alarms that ring: a service on a local AWS falls ill in every way that there is an alarm for, under real requests,
//! and gets well again.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, and a failed step must end its test"
)]

mod ends;
mod patients;
mod releases;
mod ringing;
mod stage;
mod telling;
mod tidiness;
mod weeks;
