//! Job control: stopping ourselves, as Ctrl-Z asks.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A process group that no shell watches is not stopped by SIGTSTP, and hears no
/// SIGCONT either.
const NOT_STOPPED: Duration = Duration::from_millis(200);

/// Stops this process and the rest of its job, and returns when it is continued.
///
/// # Errors
/// When signals cannot be handled.
#[expect(clippy::disallowed_methods, reason = "to ourselves, who need no proof")]
pub async fn suspend() -> io::Result<()> {
    let mut continued = signal(SignalKind::from_raw(libc::SIGCONT))?;
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of ours; what was there is put back.
    let before = unsafe { sigaction(Signal::SIGTSTP, &default)? };
    // To our own job and nobody else: 0 is the caller's process group.
    let stopped = kill(nix::unistd::Pid::from_raw(0), Signal::SIGTSTP);
    tokio::select! {
        _ = continued.recv() => {}
        () = tokio::time::sleep(NOT_STOPPED) => {}
    }
    // SAFETY: this is what the process had before.
    unsafe { sigaction(Signal::SIGTSTP, &before)? };
    Ok(stopped?)
}
