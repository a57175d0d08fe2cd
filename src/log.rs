//! Logs as files: following them while they grow, holding the end of them in memory, and keeping
//! them small under a writer that never reopens them.

pub mod bound;
mod follower;
mod lines;
pub mod own;
pub mod query;
mod rotating;
pub mod search;
mod sparse;
mod store;

pub use bound::copy_kept;
pub use follower::{Batch, FollowError, Follower, Start};
pub use rotating::{RotatingWriter, predecessor};
pub use store::{Entry, LogStore};
