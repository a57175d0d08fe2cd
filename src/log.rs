//! Log files and their lines. This module parses the lines of the server and of workers, merges logs, follows a growing file,
//! keeps the newest lines in memory for searches, and limits the size of a file that its writer
//! never reopens.

pub mod bound;
mod follower;
pub(crate) mod last_words;
pub(crate) mod line;
mod lines;
mod merged;
mod merger;
pub(crate) mod noise;
pub mod own;
pub(crate) mod query;
mod rotating;
pub mod search;
mod sparse;
mod store;

pub use bound::copy_kept;
pub use follower::{Batch, FollowError, Follower, StartAt};
pub use line::LineParser;
pub use merged::MergedLogs;
pub use merger::{LogMerger, MergedLine};
pub use query::UnitLog;
pub use rotating::{RotatingWriter, predecessor};
pub use store::{Counts, LogStore, StoredLine};
