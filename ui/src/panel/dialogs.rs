//! Dialogs in front of the screen that wait for an answer.

pub(crate) mod components;
pub(crate) mod confirm;
pub(crate) mod question;
pub(crate) mod quit;
