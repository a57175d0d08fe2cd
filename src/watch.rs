//! Watches the files of a project, and reports their changes in batches. A file counts if a pattern of
//! the project file matches it and no `.gitignore` excludes it. The kernel reports the changes
//! (inotify), so nothing is polled.
//!
//! It knows paths and patterns, and nothing of workers.

mod batch;
mod excluded;
mod inputs;
mod observer;
mod patterns;
#[cfg(test)]
mod tests;

pub use observer::{FileWatch, WatchReport, follow, watch};
pub use patterns::{PatternError, Patterns};

use std::path::PathBuf;
use std::time::Duration;

/// Time after which a single change has been reported.
pub const REPORTED: Duration = batch::QUIET.saturating_mul(2);

/// Changes of watched files, shortly after one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFiles {
    /// The file that changed first. If changes were lost, the folder of the project.
    pub first: PathBuf,
    /// Number of files that changed.
    pub count: usize,
}
