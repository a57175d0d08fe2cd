//! The code of the watchdog process. The host forks this process while the host has only one
//! thread. The watchdog needs little memory, because the two processes share all pages that neither
//! of them changes.

use super::{MESSAGE, Mission, Role, mission_of, next_attempt};
use crate::paths::files;
use crate::process::{linux, memory, spawn};
use std::fs::File;
use std::io::{PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Title of the process for `ps`. With the command line of the host, the watchdog would look like
/// a second host.
const TITLE: &[u8] = b"stigmer watchdog";

/// Number of tries to execute the program. The kernel may refuse a try, for example for lack of
/// memory. Each failed try is followed by a [`PAUSE`].
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

/// Waits for the end of the host. If the watchdog is armed at that time, starts a new host. Never
/// returns to `main`.
pub(super) fn run(mut pipe: PipeReader, role: Role) -> ! {
    detach(pipe.as_raw_fd());
    let mut armed = role.mission.map(|mission| (mission, Instant::now()));
    let mut message = [0; MESSAGE];
    // The read fails when the host has ended, because the pipe then has no write end.
    while pipe.read_exact(&mut message).is_ok() {
        armed = match (mission_of(&message), armed) {
            // The host is running and has armed the watchdog again. The lifetime of the host still
            // counts from the first message.
            (Some(mission), Some((_, since))) => Some((mission, since)),
            (Some(mission), None) => Some((mission, Instant::now())),
            (None, _) => None,
        };
    }
    if let Some((mission, since)) = armed {
        let died = linux::since_boot().unwrap_or_default();
        let (attempt, delay) = next_attempt(role.attempt, since.elapsed());
        std::thread::sleep(delay);
        for _ in 0..TRIES {
            // `exec` returns only if it fails.
            let _ = background_host(&mission, attempt, died).exec();
            std::thread::sleep(PAUSE);
        }
    }
    exit(0)
}

/// Detaches from the session, streams, descriptors, working folder and process name of the host.
/// Also hides the environment variable [`MARKER`](memory::MARKER): stigmer would take a process
/// with this variable for a process of a server, and end that process. Errors are ignored, because
/// they only change the text that `ps` shows, or leave a descriptor open.
fn detach(pipe: RawFd) {
    let _ = nix::unistd::setsid();
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
    spawn::close_all_but(pipe);
    let _ = nix::unistd::chdir("/");
    let _ = nix::sys::prctl::set_name(c"stigmer-watch");
    let stat = procfs::process::Process::myself().and_then(|me| me.stat());
    let Ok(stat) = stat else { return };
    if let Some(arguments) = area(stat.arg_start, stat.arg_end) {
        let length = TITLE.len().min(arguments.len().saturating_sub(1));
        arguments.fill(0);
        arguments[..length].copy_from_slice(&TITLE[..length]);
    }
    if let Some(environment) = area(stat.env_start, stat.env_end) {
        hide(environment, memory::MARKER.as_bytes());
    }
}

/// The memory of this process that the kernel shows as `/proc/PID/cmdline` or `/proc/PID/environ`.
fn area(start: Option<u64>, end: Option<u64>) -> Option<&'static mut [u8]> {
    let (start, end) = (usize::try_from(start?).ok()?, usize::try_from(end?).ok()?);
    let length = end.checked_sub(start).filter(|_| start != 0)?;
    // SAFETY: the kernel placed this area on the stack before the program began, and it stays
    // mapped and writable. This process has one thread and has no other reference into it.
    Some(unsafe { std::slice::from_raw_parts_mut(start as *mut u8, length) })
}

/// Overwrites the variable with this name by zeros, in the memory of an environment.
fn hide(environment: &mut [u8], name: &[u8]) {
    for variable in environment.split_mut(|byte| *byte == 0) {
        if variable.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'=')) {
            variable.fill(0);
        }
    }
}

fn background_host(mission: &Mission, attempt: u32, died: Duration) -> Command {
    let mut command = spawn::this_program();
    command
        .args(["local", super::SUBCOMMAND])
        .args(["--resume", &attempt.to_string()])
        .args(["--died", &died.as_millis().to_string()])
        .args(["--attempts", &mission.attempts.to_string()])
        .arg("--home")
        .arg(&mission.home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors(&mission.home).map_or_else(Stdio::null, Stdio::from));
    command
}

/// Opens the file for the errors of background hosts that cannot write their log.
fn errors(home: &Path) -> Option<File> {
    let path: PathBuf = crate::paths::Home::at(home).ok()?.host_errors();
    files::open_for_writing(File::options().append(true).create(true), &path).ok()
}

/// Exits without running destructors, because the copied objects belong to the host.
fn exit(code: i32) -> ! {
    // SAFETY: the function takes a number and does not return.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_variable_leaves_the_others_unchanged() {
        let mut environment = *b"A=1\0MARK=x.1\0MARKER=2\0MARK\0";
        hide(&mut environment, b"MARK");
        assert_eq!(&environment, b"A=1\0\0\0\0\0\0\0\0\0\0MARKER=2\0MARK\0");
    }
}
