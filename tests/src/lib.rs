//! Whole-pipeline tests. This library is empty: the tests are in `e2e/`.
