//! Amazon ECR: repositories, images, the registry that docker pushes to.

mod image;

pub use image::{ImageConfig, LocalImage, LocalLayer, PullError};
