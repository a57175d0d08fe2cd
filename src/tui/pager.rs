//! Shows a log file in the user's pager or editor.

use crate::process::descriptors::restore_limit;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// The saved modes of the terminal. The modes are restored when the value is dropped, because a
/// pager that is killed does not restore them.
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

/// Opens a file with `$PAGER`, or else `$EDITOR`, or else `less`. Waits until that program ends.
///
/// # Errors
/// The reason why the program could not be run.
pub async fn show(file: &Path) -> Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let program = set("PAGER").or_else(|| set("EDITOR")).unwrap_or_else(|| "less".to_owned());
    let _modes = Modes::kept();
    // Run the command in a shell, as git does, because the variable may contain arguments. This is
    // safe, because the command is the user's own.
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
        Some(126 | 127) => Err(format!(
            "cannot run {program}; set PAGER or EDITOR to another \
                                        program"
        )),
        _ => Ok(()),
    }
}
