//! Wrapper scripts that start the server, like the scripts of version managers. Each wrapper also
//! starts a child in the background and a child in its own session.

use super::rig::Rig;
use super::server;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A property of a wrapper that makes its processes hard to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Plain,
    /// Starts each child in its own process group.
    JobControl,
    /// Closes all descriptors, including those of the inherited locks.
    ClosesDescriptors,
}

/// Number of processes that a server with a wrapper has: the wrapper, the shell that waits for the
/// server, the server, the child in the background, and the child in its own session.
pub const MEMBERS: usize = 5;

/// Installs a wrapper with this habit. Returns the file that gets the exit codes of the server.
pub fn install_with(rig: &mut Rig, habit: Habit) -> PathBuf {
    let before = match habit {
        Habit::Plain => "",
        Habit::JobControl => "set -m",
        // Descriptor 255 stays open, because bash reads the script from it.
        Habit::ClosesDescriptors => {
            r#"for fd in /proc/$$/fd/*; do
                n=${fd##*/}
                if [ "$n" -gt 2 ] && [ "$n" -ne 255 ]; then eval "exec $n>&-"; fi
            done"#
        }
    };
    let exits = rig.folder().join("exits");
    let script = format!(
        r#"{before}
        sleep 300 &
        setsid sleep 300 &
        ( trap : TERM; "$real" "$@"; echo $? >> '{exits}' )"#,
        exits = exits.display()
    );
    install(rig, &script);
    exits
}

/// Installs a bash script as the server. The script may run the CLI as `"$real"`. Other commands of the CLI
/// bypass the script.
pub fn install(rig: &mut Rig, script: &str) {
    let real = server::program().display();
    let script = format!("real='{real}'\n[ \"$1\" = server ] || exec \"$real\" \"$@\"\n{script}");
    let program = executable(rig, "wrapper", &script);
    rig.set_program(&program);
}

/// Writes a bash script into the folder of the rig.
pub fn executable(rig: &Rig, name: &str, script: &str) -> PathBuf {
    let path = rig.folder().join(name);
    write_executable(&path, &format!("#!/bin/bash\n{script}\n"));
    path
}

fn write_executable(path: &Path, text: &str) {
    // The script gets its final name only after the file is closed. A file that is open for writing
    // cannot be executed, and another test may fork a child that has the file open.
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = path.with_extension("copy");
    let copied = std::process::Command::new("cp").args(["-p"]).arg(&draft).arg(&copy).status();
    assert!(copied.unwrap().success());
    // An earlier script of this name may be executed just now, so it is replaced and not overwritten.
    std::fs::rename(copy, path).unwrap();
}
