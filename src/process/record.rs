//! `temporal.pid`: what a host leaves for the one that comes after it.

use super::Pid;
use super::identity::Identity;
use super::sweep::Instance;
use crate::paths;
use crate::supervisor::Generation;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// A record is short; a file that is not ours may be anything.
const TEXT_MAX: u64 = 64 << 10;

/// The record of a spawned Temporal. Number, start, boot and namespace are its
/// identity; everything else is shown or used, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The process that was spawned.
    pub leader: Identity,
    /// Its command name.
    pub name: String,
    /// When it started, in Unix seconds.
    pub started_at: i64,
    /// The value of the marker in its environment.
    pub marker: String,
    /// Its generation.
    pub generation: Generation,
    /// Ports: gRPC, web UI (absent when headless), metrics.
    pub port: u16,
    /// The web UI's port.
    pub ui_port: Option<u16>,
    /// The metrics port.
    pub metrics_port: u16,
    /// Its database; absent when it is in memory.
    pub database: Option<PathBuf>,
    /// The program, as it was spawned.
    pub executable: PathBuf,
    /// The options that it was started with, as JSON: what the next host goes on with.
    pub options: String,
}

impl Record {
    /// How its instance is recognised.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance { leader: self.leader.clone(), marker: self.marker.clone() }
    }

    /// Writes it in one step: a reader sees the old text or the new one.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        paths::write_private(path, &self.to_text())
    }

    /// Writes it if it is not there.
    ///
    /// # Errors
    /// When the home cannot be written.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        if super::lock::read(path) == self.to_text() { Ok(()) } else { self.write(path) }
    }

    /// Reads it; `None` when there is none or it says too little to prove anything.
    /// Written before the spawn it names no process yet: then the marker does.
    ///
    /// # Errors
    /// When the file, or the process table, cannot be read.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match paths::files::read(path, TEXT_MAX) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(mut record) = Self::from_text(&text) else { return Ok(None) };
        if record.leader.pid == 0
            && record.leader.is_local()
            && let Some(instance) = Instance::marked(&record.marker)?
        {
            record.leader = instance.leader;
        }
        Ok(Some(record))
    }

    /// Removes the record of the instance with this marker. Another record stays: it may be another
    /// host's.
    pub fn remove(path: &Path, marker: &str) {
        let found = paths::files::read(path, TEXT_MAX).ok().and_then(|text| Self::from_text(&text));
        if found.is_some_and(|record| record.marker == marker) {
            // A record of a process that has ended proves nothing.
            let _ = std::fs::remove_file(path);
        }
    }

    fn to_text(&self) -> String {
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        let mut text =
            format!("{}\n{}\n{}\n", self.leader.pid, one_line(&self.name), self.started_at);
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{key}={}", one_line(&value.to_string()));
        };
        line("start_ticks", &self.leader.start_ticks);
        line("boot_id", &self.leader.boot_id);
        line("pid_namespace", &self.leader.pid_namespace);
        line("session", &self.leader.pid);
        line("marker", &self.marker);
        line("generation", &self.generation);
        line("port", &self.port);
        if let Some(port) = self.ui_port {
            line("ui_port", &port);
        }
        line("metrics_port", &self.metrics_port);
        if let Some(database) = &self.database {
            line("database", &database.display());
        }
        line("executable", &self.executable.display());
        line("options", &self.options);
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid: Pid = lines.next()?.trim().parse().ok()?;
        let name = lines.next()?.to_owned();
        let started_at = lines.next()?.trim().parse().ok()?;
        let pairs: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
        Some(Self {
            leader: Identity {
                pid,
                start_ticks: value("start_ticks")?.parse().ok()?,
                boot_id: value("boot_id")?.to_owned(),
                pid_namespace: value("pid_namespace")?.to_owned(),
            },
            name,
            started_at,
            marker: value("marker").unwrap_or_default().to_owned(),
            generation: Generation(value("generation")?.parse().ok()?),
            port: value("port")?.parse().ok()?,
            ui_port: value("ui_port").and_then(|port| port.parse().ok()),
            metrics_port: value("metrics_port").and_then(|port| port.parse().ok()).unwrap_or(0),
            database: value("database").map(PathBuf::from),
            executable: value("executable").unwrap_or_default().into(),
            options: value("options").unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record() -> Record {
        Record {
            leader: Identity {
                pid: 4712,
                start_ticks: 99,
                boot_id: "b".into(),
                pid_namespace: "pid:[7]".into(),
            },
            name: "temporal".into(),
            started_at: 1_795_000_000,
            marker: "m=1".into(),
            generation: Generation(3),
            port: 7233,
            ui_port: Some(8233),
            metrics_port: 40001,
            database: Some("/home/a b/x=y.db".into()),
            executable: "/home/a/bin/temporal".into(),
            options: r#"{"db":"/a=b"}"#.into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.pid");
        record().write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record()));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("4712\ntemporal\n1795000000\nstart_ticks=99\n"), "{text}");

        let headless = Record { ui_port: None, database: None, ..record() };
        headless.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(headless));

        std::fs::remove_file(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), None, "there is none");
        std::fs::write(&path, b"4712\n\xff\n").unwrap();
        assert_eq!(Record::read(&path).unwrap(), None, "garbled");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Record::read(&path).is_err(), "unreadable is not absent");
    }

    #[test]
    fn a_record_that_proves_nothing_is_no_record() {
        for text in ["", "4712", "4712\ntemporal\n0\n", "x\ntemporal\n0\nstart_ticks=1\n"] {
            assert_eq!(Record::from_text(text), None, "{text:?}");
        }
        let whole = record().to_text();
        for key in ["start_ticks", "boot_id", "pid_namespace", "generation", "port"] {
            let without: String = whole
                .lines()
                .filter(|line| !line.starts_with(&format!("{key}=")))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(Record::from_text(&without), None, "{key}");
        }
    }
}
