//! Errors of the control API.

use serde::{Deserialize, Serialize};

/// An error of the control API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}{}{hint}", separator(message, hint))]
pub struct ApiError {
    /// Machine-readable name of the error.
    pub code: String,
    /// What failed, on which object, and why.
    pub message: String,
    /// What the user can do next.
    pub hint: String,
}

/// A hint after lines of a log is a line of its own.
fn separator(message: &str, hint: &str) -> &'static str {
    match (hint.is_empty(), message.ends_with('\n')) {
        (true, _) => "",
        (false, true) => "What to do: ",
        (false, false) => "; ",
    }
}

impl ApiError {
    /// The code of a failed stop: a server may still run, because the host could not prove that no
    /// server is left.
    pub const UNPROVEN: &str = "unproven";

    /// The code of a refused request to end a host: the host has a server, or may have one.
    pub const BUSY: &str = "busy";

    /// The code of a request that a host which ends has not carried out. The next host may do so.
    pub const GONE: &str = "gone";

    /// The code of a command for a worker that does not exist.
    pub const UNKNOWN_WORKER: &str = "unknown_worker";

    /// Whether the code is [`Self::UNPROVEN`].
    #[must_use]
    pub fn is_unproven(&self) -> bool {
        self.code == Self::UNPROVEN
    }

    /// Creates an error.
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

/// The body of an error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error of the response.
    pub error: ApiError,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_follows_the_message_or_is_a_line_of_its_own() {
        for (message, hint, text) in [
            ("it failed", "", "it failed"),
            ("it failed", "try again", "it failed; try again"),
            ("it failed:\n  a line\n", "try again", "it failed:\n  a line\nWhat to do: try again"),
        ] {
            assert_eq!(ApiError::new("code", message, hint).to_string(), text);
        }
    }
}
