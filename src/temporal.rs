//! What is special about the Temporal dev server: where its program is found and how it is
//! installed, how it writes its log, and what its last words mean.

pub mod install;
pub mod last_words;
pub mod locate;
pub mod logline;
mod tool;
