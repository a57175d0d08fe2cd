//! Job control: suspends this process after Ctrl-Z.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long to wait for SIGCONT after SIGTSTP. In a process group without a shell, SIGTSTP does not
/// suspend the processes, and no SIGCONT arrives.
const NOT_STOPPED: Duration = Duration::from_millis(200);

/// Suspends this process and all other processes of its job. Returns after the job was continued.
///
/// # Errors
/// If signals cannot be handled.
#[expect(
    clippy::disallowed_methods,
    reason = "this signal is for our own job, which needs no proof"
)]
pub async fn suspend() -> io::Result<()> {
    let mut continued = signal(SignalKind::from_raw(libc::SIGCONT))?;
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of this program, and the previous disposition is
    // restored below.
    let before = unsafe { sigaction(Signal::SIGTSTP, &default)? };
    // The id 0 means the process group of the caller, so only the job of this process gets the
    // signal.
    let stopped = kill(nix::unistd::Pid::from_raw(0), Signal::SIGTSTP);
    tokio::select! {
        _ = continued.recv() => {}
        () = tokio::time::sleep(NOT_STOPPED) => {}
    }
    // SAFETY: this restores the previous disposition.
    unsafe { sigaction(Signal::SIGTSTP, &before)? };
    Ok(stopped?)
}
