//! Finds the running server of a home. Usually the record, the file `temporal.pid`, names the
//! server. If the record is missing, damaged or from another boot, stigmer identifies the server by
//! its lock, by the marker in its environment, and by its command line.

use super::arguments::{self, Parsed};
use crate::config::{self, Options};
use crate::facts::record::{self, ServerRecord};
use crate::paths::Home;
use crate::process::identity::Identity;
use crate::process::lock::{self, LockHolder};
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::{linux, memory, ports};
use crate::supervisor::Generation;
use std::io;

/// Which processes of a server run in a home.
#[derive(Debug)]
pub enum Running {
    /// No process: the lock is free, and no process of the last server is left.
    Nothing,
    /// A server that is the one in the record.
    Recorded(Box<Record>),
    /// A server without a usable record. The contained record was created from the running
    /// processes.
    Unrecorded(Box<Record>),
    /// The remaining processes of a server whose spawned process has ended.
    Remains(Instance),
    /// A process that has the server lock, but that stigmer cannot prove to be its own. Contains a
    /// description of the process for messages.
    Stranger(String),
    /// Possibly a server that this process cannot see: the record is from another pid namespace,
    /// and a process listens on the recorded port.
    Elsewhere(Box<Record>),
}

/// Finds the running server. Blocks for milliseconds, or for 0.5 s if the process that has the lock
/// has no marker.
///
/// # Errors
/// If the record, the lock or the process table cannot be read. A server may run nevertheless.
pub fn find(home: &Home) -> io::Result<Running> {
    lock::settled(|| look(home), |found| matches!(found, Running::Stranger(_)))
}

impl Running {
    /// The record of the running server. `None` if no server was found.
    #[must_use]
    pub fn server(self) -> Option<Record> {
        match self {
            Self::Recorded(record) | Self::Unrecorded(record) => Some(*record),
            Self::Nothing | Self::Remains(_) | Self::Stranger(_) | Self::Elsewhere(_) => None,
        }
    }
}

fn look(home: &Home) -> io::Result<Running> {
    // An unreadable record is an error only if no process has the lock. Otherwise the server is
    // found by its lock.
    let recorded = record::read(home);
    let known = recorded.as_ref().ok().and_then(Option::as_ref);
    if let Some(record) = known
        && record.leader.is_alive()?
    {
        return Ok(Running::Recorded(Box::new(record.clone())));
    }
    let lock = home.temporal_lock();
    match lock::holder(&lock)? {
        LockHolder::Instance(instance) => {
            if let Some(record) = rebuilt(home, &instance)? {
                return Ok(Running::Unrecorded(Box::new(record)));
            }
            Ok(Running::Remains(Record::remains(known, instance)))
        }
        LockHolder::Stranger(who) => Ok(Running::Stranger(match known {
            Some(Record { leader, .. }) if !leader.is_local() && !leader.is_before_boot() => {
                format!("{who}; temporal.pid names pid {} of another pid namespace", leader.pid)
            }
            Some(_) | None => who,
        })),
        LockHolder::Nobody => without_lock(recorded?, home),
    }
}

/// Finds the running server if no process has the lock, for example because a wrapper script closes
/// its descriptors.
fn without_lock(recorded: Option<Record>, home: &Home) -> io::Result<Running> {
    let Some(record) = recorded else { return Ok(Running::Nothing) };
    if record.leader.is_local() {
        let left = record.instance().members(&home.temporal_lock())?;
        return Ok(match left.is_empty() {
            true => Running::Nothing,
            false => Running::Remains(record.instance()),
        });
    }
    if record.leader.is_before_boot()
        || ports::listeners(ServerRecord::of(&record).port)?.is_empty()
    {
        return Ok(Running::Nothing);
    }
    Ok(Running::Elsewhere(Box::new(record)))
}

/// The options of the server in a record. If the record has no readable options, returns only its
/// ports and its database.
#[must_use]
pub fn options(record: &Record) -> Options {
    Options::recorded(&record.options).unwrap_or_else(|| {
        let server = ServerRecord::of(record);
        Options {
            port: Some(server.port),
            ui_port: server.ui_port,
            in_memory: server.database.is_none().then_some(true),
            db: server.database,
            ..Options::default()
        }
    })
}

/// Creates the record of a server from the process that has the lock. `None` if that process does
/// not run a server.
fn rebuilt(home: &Home, instance: &Instance) -> io::Result<Option<Record>> {
    let leader = &instance.leader;
    let Some(process) = linux::stat(leader.pid)? else { return Ok(None) };
    let is_leader = process.session == leader.pid && process.start_ticks == leader.start_ticks;
    let words: Vec<String> = memory::words(leader.pid)
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let Some(Parsed { options, metrics_port }) =
        arguments::parse(&words).filter(|parsed| is_leader && parsed.options.port.is_some())
    else {
        return Ok(None);
    };
    let of_marker = || instance.marker.split('.').next()?.parse().ok();
    // The lock file contains the generation number. If the lock file cannot be read, the number in
    // the marker is used.
    let locked = lock::read_number(&home.temporal_lock()).ok().filter(|number| *number > 0);
    let generation = locked.or_else(of_marker);
    let age = linux::age(leader.start_ticks).unwrap_or_default();
    let (port, ui_port) = (options.port.unwrap_or_default(), options.ui_port);
    // The command line does not show all options. The others are taken from the current
    // configuration file.
    let file = config::read_file(home).unwrap_or_default();
    let options =
        options.or(Options { address: None, arguments: None, dynamic_config: None, ..file });
    let server = ServerRecord {
        port,
        ui_port,
        metrics_port: metrics_port.unwrap_or_default(),
        database: options.db.clone(),
    };
    Ok(Some(Record {
        leader: Identity::clone(leader),
        name: process.name,
        started_at: jiff::Timestamp::now().as_second() - age.as_secs() as i64,
        marker: instance.marker.clone(),
        generation: Generation(generation.unwrap_or_default()),
        extra: server.to_extra(),
        executable: std::fs::read_link(format!("/proc/{}/exe", leader.pid)).unwrap_or_default(),
        options: serde_json::to_string(&options).unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_without_readable_options_still_has_port_and_database() {
        let server = ServerRecord {
            port: 7400,
            ui_port: Some(8400),
            metrics_port: 0,
            database: Some("/data/x.db".into()),
        };
        let record = |options: &str| Record {
            leader: Identity::of(std::process::id().cast_signed()).unwrap().unwrap(),
            name: "temporal".into(),
            started_at: 0,
            marker: "1.a".into(),
            generation: Generation(1),
            extra: server.to_extra(),
            executable: "/bin/temporal".into(),
            options: options.to_owned(),
        };
        let expected = Options {
            port: Some(7400),
            ui_port: Some(8400),
            db: Some("/data/x.db".into()),
            ..Options::default()
        };
        assert_eq!(options(&record("{")), expected);
        let readable = Options { max_restarts: Some(2), ..Options::default() };
        assert_eq!(options(&record(r#"{"max-restarts":2}"#)), readable);
    }
}
