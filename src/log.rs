//! Log files and their lines: parses the lines of the server, follows growing files, keeps the last
//! lines in memory for searches, and limits files whose writer never reopens them.

pub mod bound;
mod follower;
pub(crate) mod last_words;
pub(crate) mod line;
mod lines;
pub(crate) mod noise;
pub mod own;
pub(crate) mod query;
mod rotating;
pub mod search;
mod sparse;
mod store;

pub use bound::copy_kept;
pub use follower::{Batch, FollowError, Follower, StartAt};
pub use rotating::{RotatingWriter, predecessor};
pub use store::{LogStore, StoredLine};
