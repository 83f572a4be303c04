//! Paths inside an image's file system.
