//! The mark: a line that stigmer writes into the log of a unit at the beginning of each generation,
//! which is one start. By the marks, a reader of the log finds the lines of one start.

use crate::log::line::generation_mark;
use crate::paths::files;
use crate::supervisor::{Cause, Generation};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The log file of a unit, opened for the output of a new generation.
#[derive(Debug)]
pub(crate) struct MarkedLog {
    /// The log file, to which the process writes its output.
    pub output: File,
    /// The mark of the generation, if it could not be written; see [`late`].
    pub mark: Option<String>,
}

impl MarkedLog {
    /// Opens the log and writes the mark of this generation. A mark that cannot be written, for
    /// example on a full disk, is not an error: the disk may accept the mark and the output of the
    /// process later.
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
        // A single write, so that no line of another process gets into the mark.
        let written = output.write_all(mark.as_bytes());
        let mark = written.is_err().then(|| {
            // A part of the mark may be in the file. This part would be the beginning of the first
            // line of the process, so it is removed.
            let _ = output.set_len(before);
            mark
        });
        Ok(Self { output, mark })
    }

    /// Creates a replacement for a log that cannot be opened: the output of the process is lost.
    ///
    /// # Errors
    /// If `/dev/null` cannot be opened.
    pub(crate) fn none() -> io::Result<Self> {
        let output = OpenOptions::new().write(true).open("/dev/null")?;
        Ok(Self { output, mark: None })
    }
}

/// Returns a function that writes the mark of a generation into its log, and does nothing after its
/// first success.
pub(crate) fn late(mark: String, log: PathBuf) -> impl FnMut() -> io::Result<()> + Send {
    let mut left = Some(mark);
    move || {
        let Some(mark) = left.take() else { return Ok(()) };
        let log = files::open_for_writing(File::options().append(true), &log);
        let written = log.and_then(|mut log| {
            // A single write, so that no line of the running process gets into the mark.
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
