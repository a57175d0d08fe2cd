//! The log in the program that a person reads files with.

use crate::process::descriptors::restore_limit;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// The modes of the terminal, put back when this is dropped: a program that is
/// killed does not do it.
struct Modes(Option<Termios>);

impl Modes {
    fn kept() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, modes);
        }
    }
}

/// Runs `$PAGER` or `$EDITOR` on a file, in the terminal, until it ends; `less` where neither is
/// set.
///
/// # Errors
/// Why there is nothing to read it with, in a sentence.
pub async fn show(file: &Path) -> Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let program = set("PAGER").or_else(|| set("EDITOR")).unwrap_or_else(|| "less".to_owned());
    let _modes = Modes::kept();
    // It may come with arguments, and these are the user's own words: to the shell, as git does it.
    let mut command = Command::new("/bin/sh");
    restore_limit(command.as_std_mut());
    let status = command
        .args(["-c", &format!("{program} \"$1\""), "sh"])
        .arg(file)
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    match status.code() {
        Some(126 | 127) => Err(format!("cannot run {program}: set PAGER or EDITOR")),
        _ => Ok(()),
    }
}
