//! The code of the watchdog process. The host forks this process while the host has only one
//! thread. The watchdog needs little memory, because the two processes share all pages that neither
//! of them changes.

use super::{MESSAGE, Mission, Role, mission_of, next_attempt};
use crate::paths::files;
use crate::process::{forked, linux, spawn};
use std::fs::File;
use std::io::{PipeReader, Read};
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

/// Waits for the end of the host. If the watchdog is armed at that time, starts a new host.
pub(super) fn run(mut pipe: PipeReader, role: Role) {
    replace_streams();
    forked::detach(&[&pipe], c"stigmer-watch", TITLE);
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
}

fn replace_streams() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
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
