//! Sample data, and pictures of the screen. Only for tests, benchmarks and documents.

pub mod gallery;
pub mod sample;
pub mod svg;
