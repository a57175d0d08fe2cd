//! The mark in the log at which a generation begins.

use crate::log::line::generation_mark;
use crate::paths::files;
use crate::supervisor::{Cause, Generation};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The log of a unit, opened for a generation.
#[derive(Debug)]
pub(crate) struct MarkedLog {
    /// The file for the output of the process.
    pub output: File,
    /// The mark, if it is not written yet; see [`late`].
    pub mark: Option<String>,
}

impl MarkedLog {
    /// Opens the log and writes the mark of this generation. A disk that does not accept the mark may
    /// accept the lines of the process later.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn open(
        path: &Path,
        generation: Generation,
        cause: Cause,
        detail: &str,
    ) -> io::Result<Self> {
        let mut output =
            files::open_for_writing(OpenOptions::new().append(true).create(true), path)?;
        let now = jiff::Timestamp::now();
        let mark = format!("{}\n", generation_mark(generation.0, now, cause.as_str(), detail));
        let before = output.metadata()?.len();
        // One write: it must not mix with the last words of another process.
        let written = output.write_all(mark.as_bytes());
        let mark = written.is_err().then(|| {
            // Half a mark would spoil the first line of the process.
            let _ = output.set_len(before);
            mark
        });
        Ok(Self { output, mark })
    }

    /// No log: the output of the process is lost.
    ///
    /// # Errors
    /// If `/dev/null` cannot be opened.
    pub(crate) fn none() -> io::Result<Self> {
        let output = OpenOptions::new().write(true).open("/dev/null")?;
        Ok(Self { output, mark: None })
    }
}

/// Writes the mark of a generation into its log, once.
pub(crate) fn late(mark: String, log: PathBuf) -> impl FnMut() -> io::Result<()> + Send {
    let mut left = Some(mark);
    move || {
        let Some(mark) = left.take() else { return Ok(()) };
        let log = files::open_for_writing(File::options().append(true), &log);
        let written = log.and_then(|mut log| {
            // In one piece, between the lines of the process.
            log.write(mark.as_bytes())
        });
        match written {
            Ok(n) if n == mark.len() => Ok(()),
            Ok(_) => {
                left = Some(format!("\n{}", mark.trim_start()));
                Err(io::ErrorKind::StorageFull.into())
            }
            Err(error) => {
                left = Some(mark);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_of_a_generation_is_written_once_when_the_log_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/temporal.log");
        let mut keep = late("{\"n\":3}\n".into(), path.clone());
        keep().unwrap_err();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        std::fs::write(&path, "its own line\n").unwrap();
        keep().unwrap();
        keep().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "its own line\n{\"n\":3}\n");
    }
}
