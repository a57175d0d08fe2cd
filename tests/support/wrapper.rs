//! Scripts that stand between the host and Temporal, as version managers do,
//! each with a child in the background and one in a session of its own.

use super::rig::Rig;
use super::server;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a wrapper does that makes its processes hard to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    Plain,
    /// Puts its children into process groups of their own.
    JobControl,
    /// Closes all descriptors, the inherited locks among them.
    ClosesDescriptors,
}

/// Processes of an instance behind a wrapper: it, the shell that waits for the
/// server, the server, the child in the background, the one in its own session.
pub const MEMBERS: usize = 5;

/// Puts a wrapper with this habit in Temporal's place. Returns the file that gets the server's exit codes.
pub fn install_with(rig: &mut Rig, habit: Habit) -> PathBuf {
    let before = match habit {
        Habit::Plain => "",
        Habit::JobControl => "set -m",
        // Not bash's own descriptor of this very script.
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

/// Puts a bash script in Temporal's place that runs as the server, and may run the program as `"$real"`.
/// Any other command goes to the program at once.
pub fn install(rig: &mut Rig, script: &str) {
    let real = server::program().display();
    let script = format!("real='{real}'\n[ \"$1\" = server ] || exec \"$real\" \"$@\"\n{script}");
    let program = executable(rig, "wrapper", &script);
    rig.set_program(&program);
}

/// A bash script in the rig's folder.
pub fn executable(rig: &Rig, name: &str, script: &str) -> PathBuf {
    let path = rig.folder().join(name);
    write_executable(&path, &format!("#!/bin/bash\n{script}\n"));
    path
}

fn write_executable(path: &Path, text: &str) {
    // By another name first: a file that is open for writing cannot be executed, and a
    // test beside this one may fork while it is.
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)).unwrap();
    let copied = std::process::Command::new("cp").args(["-p"]).arg(&draft).arg(path).status();
    assert!(copied.unwrap().success());
}
