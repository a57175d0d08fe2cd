//! The commands of the Temporal CLI that problems suggest.

use stigmer_ui::request::shell_word;

/// The server and the namespace for the commands that a problem suggests.
#[derive(Debug, Clone, Copy)]
pub struct CommandPlace<'a> {
    /// `HOST:PORT` of the server.
    pub address: &'a str,
    /// Name of the namespace.
    pub namespace: &'a str,
}

/// A command of the Temporal CLI, quoted for a shell. The command names the server and the
/// namespace only if they are not the defaults of the CLI.
pub(super) fn command(place: CommandPlace<'_>, words: &[&str]) -> String {
    let mut all = vec!["temporal"];
    all.extend(words);
    if place.namespace != "default" {
        all.extend(["--namespace", place.namespace]);
    }
    if !matches!(place.address, "127.0.0.1:7233" | "localhost:7233") {
        all.extend(["--address", place.address]);
    }
    all.into_iter().map(shell_word).collect::<Vec<_>>().join(" ")
}
