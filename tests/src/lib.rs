//! Whole-pipeline tests are in `e2e/`; this library is empty.
