//! Opens the web UI in the user's browser.

use crate::process::claims;
use crate::process::descriptors::restore_limit;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use stigmer_ui::model::OpenWorkflow;

/// Maximum time until a launcher (such as `xdg-open`) fails if it finds no browser. If a launcher
/// runs longer, it has found a browser.
const FAILING: Duration = Duration::from_millis(250);

/// Returns the URL of the page of a run in the web UI.
pub(super) fn run_url(web_ui: &str, run: &OpenWorkflow) -> String {
    let namespace = if run.namespace.is_empty() { "default" } else { &run.namespace };
    let [namespace, workflow_id, run_id] = [namespace, &run.workflow_id, &run.run_id].map(escaped);
    format!("{web_ui}/namespaces/{namespace}/workflows/{workflow_id}/{run_id}/history")
}

/// Escapes one part of the path of a URL.
fn escaped(part: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    part.bytes().map(escape).collect()
}

/// Opens a URL in a browser, with the first launcher that works.
///
/// # Errors
/// The reason why the last launcher failed.
pub(super) fn open(url: &str) -> io::Result<()> {
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for command in open::commands(url) {
        match launch(command, FAILING) {
            Ok(()) => return Ok(()),
            Err(why) => error = why,
        }
    }
    Err(error)
}

/// Runs a launcher in its own session, so that the browser stays open when the terminal is closed.
fn launch(mut command: Command, failing: Duration) -> io::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    restore_limit(&mut command);
    // SAFETY: the closure calls only `setsid`, which is async-signal-safe.
    unsafe { command.pre_exec(|| Ok(nix::unistd::setsid().map(drop)?)) };
    let (mut child, claim) = claims::spawn(&mut command)?;
    let (send, ended) = mpsc::sync_channel(1);
    // Wait for the exit of the launcher on another thread, because the launcher may run as long as
    // the browser.
    std::thread::Builder::new().name("browser".to_owned()).spawn(move || {
        let status = child.wait();
        drop(claim);
        let _ = send.send(status);
    })?;
    match ended.recv_timeout(failing) {
        Ok(Ok(status)) if !status.success() => Err(io::Error::other(status.to_string())),
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::descriptors::tests::in_own_process;
    use crate::process::sweep::reap_inherited;

    #[test]
    fn failed_launcher_is_distinguished_from_a_running_one() {
        let sh = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command
        };
        let long = Duration::from_secs(60);
        assert!(launch(sh("exit 3"), long).unwrap_err().to_string().contains('3'));
        launch(sh("exit 0"), long).unwrap();
        launch(sh("sleep 0.2"), Duration::ZERO).unwrap();
        launch(Command::new("/nothing/here"), long).unwrap_err();
    }

    #[test]
    fn host_that_reaps_orphans_meanwhile_reaps_no_launcher() {
        // In its own process: a launcher that has not executed its program yet has the locks of other
        // tests, and their sweeps end it.
        let name = "tui::browser::tests::host_that_reaps_orphans_meanwhile_reaps_no_launcher";
        if !in_own_process(name) {
            return;
        }
        let (end, ended) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            // The thread waits until `end` is dropped, which also happens after a panic.
            let _end = end;
            scope.spawn(move || {
                while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    reap_inherited();
                }
            });
            for _ in 0..100 {
                let failed = |program| {
                    launch(Command::new(program), Duration::from_secs(60)).unwrap_err().to_string()
                };
                assert_eq!(failed("/bin/false"), "exit status: 1");
                assert!(failed("/nothing/here").contains("No such file"));
            }
        });
    }
}
