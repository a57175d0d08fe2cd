//! A fake server that starts and stops in milliseconds. The server responds only to the calls of
//! the checks. The test program runs itself as this server.

use crate::peer;
use crate::support::rig::Rig;
use crate::support::wrapper;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Variable with the command line of the server, one argument per line.
const ARGUMENTS: &str = "FAKE_TEMPORAL_ARGUMENTS";
/// Variable with the path of a file that every fake server of a rig locks. A server that finds the
/// file locked by another server writes a line into it.
const CENSUS: &str = "FAKE_TEMPORAL_CENSUS";

/// Makes a rig run the fake server instead of the real one.
pub fn install(rig: &mut Rig) {
    let this = std::env::current_exe().unwrap();
    let script = format!(
        r#"[ "$1" = server ] || {{ echo "temporal version 1.9.1 (Server 1.32.0, UI 2.0.0)"; exit; }}
        export {CENSUS}='{census}' {ARGUMENTS}="$(printf '%s\n' "$@")"
        exec '{this}' --exact --nocapture fake::run_as_fake_server"#,
        census = census(rig).display(),
        this = this.display(),
    );
    let program = wrapper::executable(rig, "temporal", &script);
    rig.set_program(&program);
}

fn census(rig: &Rig) -> PathBuf {
    rig.folder().join("census")
}

/// Whether two servers of the rig ever ran at the same time.
pub fn met_another(rig: &Rig) -> bool {
    std::fs::metadata(census(rig)).is_ok_and(|census| census.len() > 0)
}

/// Runs the fake server if the environment has its command line; otherwise does nothing.
#[test]
fn run_as_fake_server() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let _alone = alone(Path::new(&std::env::var_os(CENSUS).unwrap()));
    let value = |flag: &str| arguments.lines().skip_while(|line| *line != flag).nth(1);
    // The database stays open, because stigmer checks that the server has the file at its path
    // open.
    let _database = value("--db-filename").map(|path| {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(b"x").unwrap();
        file
    });
    let mut listeners: Vec<TcpListener> = ["--port", "--ui-port", "--metrics-port"]
        .into_iter()
        .filter_map(|flag| value(flag)?.parse().ok())
        .map(|port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap())
        .collect();
    peer::serve(listeners.remove(0), |path| peer::temporal(path, "fake-1"));
    loop {
        std::thread::park();
    }
}

fn alone(census: &Path) -> Option<Flock<File>> {
    let file = File::options().append(true).create(true).open(census).unwrap();
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .inspect_err(|_| {
            let mut file = File::options().append(true).open(census).unwrap();
            writeln!(file, "pid {} met another server", std::process::id()).unwrap();
        })
        .map_err(|(_, error)| error)
        .ok()
}
