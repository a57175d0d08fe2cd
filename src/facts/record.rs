//! The part of a server record, the file `temporal.pid`, that only a server has: its ports and its
//! database. The other part is the same for every process that stigmer supervises.

use crate::paths::Home;
use crate::process::record::Record;
use std::io;
use std::path::PathBuf;

/// The ports and the database of a recorded server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerRecord {
    /// Port of the gRPC frontend.
    pub port: u16,
    /// Port of the web UI. `None` with `--headless`.
    pub ui_port: Option<u16>,
    /// Port of the metrics. 0 if unknown.
    pub metrics_port: u16,
    /// Path of the database file. `None` if the database is in memory.
    pub database: Option<PathBuf>,
}

impl ServerRecord {
    /// Reads the server's part of a record. Returns the default if the record has no port, but
    /// [`read`] never returns such a record.
    pub(crate) fn of(record: &Record) -> Self {
        Self::parsed(record).unwrap_or_default()
    }

    fn parsed(record: &Record) -> Option<Self> {
        let port = |key| record.extra(key)?.parse().ok();
        Some(Self {
            port: port("port")?,
            ui_port: port("ui_port"),
            metrics_port: port("metrics_port").unwrap_or_default(),
            database: record.extra("database").map(PathBuf::from),
        })
    }

    /// Converts to keys and values for [`Record::extra`].
    pub(crate) fn to_extra(&self) -> Vec<(String, String)> {
        let pairs = [
            ("port", Some(self.port.to_string())),
            ("ui_port", self.ui_port.map(|port| port.to_string())),
            ("metrics_port", Some(self.metrics_port.to_string())),
            ("database", self.database.as_ref().map(|path| path.display().to_string())),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }

    /// The ports to which clients connect.
    pub(crate) fn ports(&self) -> Vec<u16> {
        std::iter::once(self.port).chain(self.ui_port).collect()
    }
}

/// Reads the record of the server of this home; see [`Record::read`]. `None` also if the record has
/// no port.
///
/// # Errors
/// See [`Record::read`].
pub(crate) fn read(home: &Home) -> io::Result<Option<Record>> {
    let record = Record::read(&home.record())?;
    Ok(record.filter(|record| ServerRecord::parsed(record).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::record::tests::record;

    #[test]
    fn part_of_the_server_round_trips() {
        let whole = ServerRecord {
            port: 7233,
            ui_port: Some(8233),
            metrics_port: 40001,
            database: Some("/home/a b/x=y.db".into()),
        };
        assert_eq!(ServerRecord::of(&record()), whole);
        assert_eq!(whole.to_extra(), record().extra);
        let headless = ServerRecord { ui_port: None, database: None, ..whole };
        let record = Record { extra: headless.to_extra(), ..record() };
        assert_eq!(ServerRecord::of(&record), headless);
    }

    #[test]
    fn record_without_a_port_is_not_a_record_of_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        record().write(&home.record()).unwrap();
        assert_eq!(read(&home).unwrap(), Some(record()));
        for port in [None, Some("x"), Some("70000")] {
            let mut extra = record().extra;
            extra.retain(|(key, _)| key != "port");
            extra.extend(port.map(|port| ("port".to_owned(), port.to_owned())));
            Record { extra, ..record() }.write(&home.record()).unwrap();
            assert_eq!(read(&home).unwrap(), None, "{port:?}");
        }
    }
}
