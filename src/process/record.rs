//! The record of a running process tree, in a file. The next host reads the record to find these
//! processes, and to prove that they are the recorded ones. The record of the server is
//! `temporal.pid`.

use super::Pid;
use super::identity::Identity;
use super::sweep::Instance;
use crate::paths;
use crate::supervisor::Generation;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum size in bytes of a record that is read. A record contains options of a project file, which has
/// up to 1 MiB. A file that stigmer did not write may be larger.
const TEXT_MAX: u64 = 8 << 20;

/// The record of a spawned process. Process id, start time, boot and namespace identify this
/// process, the leader of the tree. The marker proves the other processes of the tree. The
/// remaining values are shown to users or used by the next host, and prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Identity of the spawned process.
    pub leader: Identity,
    /// Command name of the spawned process.
    pub name: String,
    /// Start time of the process, in Unix seconds.
    pub started_at: i64,
    /// Value of the marker, an environment variable of all processes of the tree.
    pub marker: String,
    /// Generation (number of the start) of the process.
    pub generation: Generation,
    /// Keys and values that only one kind of program needs, such as the path of the database for a
    /// server. In the order of the file. Keys that a later version of stigmer has added are kept,
    /// too.
    pub extra: Vec<(String, String)>,
    /// Path of the program.
    pub executable: PathBuf,
    /// Options of the start as JSON. The next host continues with these options.
    pub options: String,
}

/// The keys that each record has. All other keys are in [`Record::extra`].
const KEYS: [&str; 8] = [
    "start_ticks",
    "boot_id",
    "pid_namespace",
    "session",
    "marker",
    "generation",
    "executable",
    "options",
];

impl Record {
    /// The value of a key in the field `extra`, or `None` if the field has no such key.
    #[must_use]
    pub fn extra(&self, key: &str) -> Option<&str> {
        value_of(&self.extra, key)
    }

    /// The identity and the marker of the recorded process tree.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance { leader: self.leader.clone(), marker: self.marker.clone() }
    }

    /// The instance of processes that have the lock or the marker, after the spawned process has ended.
    /// Only the record `known` has the start time of that process, from which on a process may belong to
    /// the instance.
    #[must_use]
    pub fn remains(known: Option<&Self>, found: Instance) -> Instance {
        let is_of_found = |record: &&Self| {
            record.marker == found.marker
                && record.leader.is_local()
                && record.leader.start_ticks > 0
                && record.leader.start_ticks < found.leader.start_ticks
        };
        match known.filter(is_of_found) {
            Some(record) => record.instance(),
            None => found,
        }
    }

    /// Replaces the file of the record in one step. A reader gets the old text or the new text,
    /// never a part.
    ///
    /// # Errors
    /// If the home cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        paths::write_private(path, &self.to_text())
    }

    /// Writes the file, unless it already has this text.
    ///
    /// # Errors
    /// If the home cannot be written.
    pub fn keep(&self, path: &Path) -> io::Result<()> {
        let text = paths::files::read(path, TEXT_MAX).unwrap_or_default();
        if text == self.to_text() { Ok(()) } else { self.write(path) }
    }

    /// Reads the record. `None` if there is no record, or if the record is too incomplete to prove
    /// anything. A record that was written before the spawn has no process id yet. The process is
    /// then found by its marker.
    ///
    /// # Errors
    /// If the file or the process table cannot be read.
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

    /// Removes the record if it has this marker, the mark of one start of a process. A record with
    /// another marker stays, because it may belong to another host.
    pub fn remove(path: &Path, marker: &str) {
        let found = paths::files::read(path, TEXT_MAX).ok().and_then(|text| Self::from_text(&text));
        if found.is_some_and(|record| record.marker == marker) {
            // An error is ignored, because the record of a process that has ended proves nothing.
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
        for (key, value) in &self.extra {
            line(key, value);
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
        let pairs = lines.filter_map(|line| line.split_once('='));
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let (common, extra): (Vec<_>, Vec<_>) =
            pairs.partition(|(key, _)| KEYS.contains(&key.as_str()));
        let value = |key| value_of(&common, key);
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
            extra,
            executable: value("executable").unwrap_or_default().into(),
            options: value("options").unwrap_or_default().to_owned(),
        })
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const TEXT: &str = "\
4712
temporal
1795000000
start_ticks=99
boot_id=b
pid_namespace=pid:[7]
session=4712
marker=m=1
generation=3
port=7233
ui_port=8233
metrics_port=40001
database=/home/a b/x=y.db
executable=/home/a/bin/temporal
options={\"db\":\"/a=b\"}
";

    /// The record of a server.
    pub(crate) fn record() -> Record {
        let extra = [
            ("port", "7233"),
            ("ui_port", "8233"),
            ("metrics_port", "40001"),
            ("database", "/home/a b/x=y.db"),
        ];
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
            extra: extra.map(|(key, value)| (key.into(), value.into())).into(),
            executable: "/home/a/bin/temporal".into(),
            options: r#"{"db":"/a=b"}"#.into(),
        }
    }

    #[test]
    fn record_round_trips() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("temporal.pid");
        record().write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record()));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, TEXT);

        let large = Record { options: "\u{f6}".repeat(1 << 20), ..record() };
        large.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(large.clone()));
        let written = std::fs::metadata(&path).unwrap().ino();
        large.keep(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().ino(), written, "not written again");

        let plain = Record { extra: Vec::new(), ..record() };
        plain.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(plain));

        std::fs::remove_file(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), None, "there is no file");
        std::fs::write(&path, b"4712\n\xff\n").unwrap();
        assert_eq!(Record::read(&path).unwrap(), None, "garbled");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Record::read(&path).is_err(), "an unreadable file is not a missing file");
    }

    #[test]
    fn incomplete_record_is_ignored() {
        for text in ["", "4712", "4712\ntemporal\n0\n", "x\ntemporal\n0\nstart_ticks=1\n"] {
            assert_eq!(Record::from_text(text), None, "{text:?}");
        }
        let whole = record().to_text();
        for key in ["start_ticks", "boot_id", "pid_namespace", "generation"] {
            let without: String = whole
                .lines()
                .filter(|line| !line.starts_with(&format!("{key}=")))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(Record::from_text(&without), None, "{key}");
        }
    }
}
