//! Decides whether a restart can help after the exit of a server that was never ready.

use super::aftermath::Disks;
use crate::config::Settings;
use crate::log::last_words::{self, PortUse, StartFailure};
use crate::supervisor::{Exit, Failure, Resource};

/// The failure of a server that exited before it was ready. `None` if a restart may help. `cause`
/// is the log line in which the server explains its exit.
pub(crate) fn fatal(
    exit: &Exit,
    cause: Option<&str>,
    disks: &Disks,
    settings: &Settings,
) -> Option<Failure> {
    let code = match *exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(..) | Exit::Unknown | Exit::Unseen => None,
    };
    let database = settings
        .database
        .file()
        .map(|path| path.display().to_string())
        .unwrap_or_else(|| "in memory".into());
    let full = disks.full.as_deref();
    match (last_words::classify_exit(code, cause), full) {
        (StartFailure::DatabaseUnusable { detail }, None) if detail.contains(FULL) => {
            Some(no_room(&format!("the database {database}: {detail}")))
        }
        (
            StartFailure::DatabaseUnusable { detail: words }
            | StartFailure::UnknownFlag { detail: words },
            Some(full),
        ) => Some(no_room(&format!("{full}; the server reports: {words}"))),
        (_, Some(full)) => Some(no_room(full)),
        (StartFailure::DatabaseUnusable { detail }, None) => Some(Failure::new(
            format!("the server cannot use the database {database}: {detail}"),
            "fix the file or its folder, or name another database with --db FILE",
        )),
        // If stigmer created the incomplete database, a restart helps: the next start renames the
        // database and creates a new one. If the creator is unknown, the next start examines the
        // database again.
        (StartFailure::PartialSchema, None) => (disks.is_replaceable == Some(false)).then(|| {
            Failure::new(
                format!(
                    "the database {database} is incomplete or belongs to another program: {}",
                    cause.unwrap_or("tables are missing")
                ),
                "move the file away, or name another database with --db FILE",
            )
        }),
        (StartFailure::UnknownFlag { detail }, None) => Some(Failure::new(
            format!("the Temporal CLI does not accept its arguments: {detail}"),
            "correct the arguments after `--`, or use another Temporal CLI with --temporal-bin \
             FILE",
        )),
        (StartFailure::NoThread, None) => {
            Some(short_of("thread", "end some processes, or raise the limit (`ulimit -u`)"))
        }
        (StartFailure::NoDescriptor, None) => {
            Some(short_of("descriptor", "raise the limit on descriptors (`ulimit -n`)"))
        }
        (StartFailure::PortForbidden { port, what }, None) => Some(forbidden(port, what)),
        // A restart may help. The next launch checks the ports again and names the processes that
        // use them.
        (
            StartFailure::PortTaken { .. }
            | StartFailure::LostPortRace { .. }
            | StartFailure::Other,
            None,
        ) => None,
    }
}

/// The failure for a missing resource. The start is retried once the system has the resource again.
fn short_of(what: &str, hint: &str) -> Failure {
    let reason = format!("the server cannot start: the system has no free {what}");
    Failure::new(reason, hint).until_free(Resource::System)
}

/// The failure for a port that an unprivileged server may not use.
fn forbidden(port: Option<u16>, what: Option<PortUse>) -> Failure {
    let port = port.map_or_else(|| "its port".to_owned(), |port| format!("port {port}"));
    let choose = match what {
        Some(PortUse::Frontend | PortUse::Http) => "choose another port with --port N",
        Some(PortUse::Ui) => "choose another port with --ui-port N",
        Some(PortUse::Metrics) | None => "choose other ports with --port N and --ui-port N",
    };
    Failure::new(
        format!("the server may not listen on {port}: permission denied"),
        format!("{choose}; ports from 1024 on need no privilege"),
    )
}

/// The message of SQLite if the disk is full.
const FULL: &str = "database or disk is full";

fn no_room(reason: &str) -> Failure {
    Failure::new(
        format!("the server cannot start, because its disk accepts no data: {reason}"),
        "free some disk space",
    )
    .until_free(Resource::Disk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    #[test]
    fn failure_for_lack_of_a_resource_waits_for_the_resource() {
        let folder = tempfile::tempdir().unwrap();
        let home = paths::Home::at(folder.path()).unwrap();
        let settings = Settings::resolve(home, crate::config::Options::default()).unwrap();
        for (code, words, waits_for) in [
            (
                1,
                "Error: failed starting server: database or disk is full (13)",
                Some(Resource::Disk),
            ),
            (2, "fatal error: newosproc", Some(Resource::System)),
            (2, "panic: open /bin/temporal: too many open files", Some(Resource::System)),
            (1, "Error: failed starting server: file is not a database (26)", None),
        ] {
            let exit = Exit::Code(code);
            let failure = fatal(&exit, Some(words), &Disks::default(), &settings).unwrap();
            assert_eq!(failure.waits_for, waits_for, "{words}: {failure}");
        }
    }
}
