//! stub
mod dockerfile;
mod problem;
