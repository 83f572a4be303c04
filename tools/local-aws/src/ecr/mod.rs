//! Amazon ECR: repositories, images, the registry that docker pushes to.
