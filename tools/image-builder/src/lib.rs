//! stub
mod dockerfile;
mod context;
mod image;
mod layer;
mod problem;
mod rootfs;
mod stage;
