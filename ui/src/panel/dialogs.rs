//! Dialogs in front of the screen that wait for an answer.

pub(crate) mod actions;
pub(crate) mod confirm;
pub(crate) mod pick;
pub(crate) mod question;
pub(crate) mod quit;
