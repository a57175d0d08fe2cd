//! A log of our own that bounds itself: one file and one predecessor.

use crate::paths::files;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Appends to a file; when it would grow beyond half the bound, the file becomes `NAME.1` (in place
/// of an older one) and a new one begins. So both together stay within the bound, and at least
/// half of it is always history. Every `write` must be one or more whole lines: they are never torn.
///
/// Two hosts may append for a moment while one hands over to the other; each notices a rotation by
/// the other before its own.
#[derive(Debug)]
pub struct RotatingWriter {
    path: PathBuf,
    max: u64,
    file: File,
    size: u64,
}

impl RotatingWriter {
    /// Opens or creates `path` (mode 0600), to hold at most `max` bytes with its predecessor.
    ///
    /// # Errors
    /// The system's, with the path in its message.
    pub fn open(path: &Path, max: u64) -> io::Result<Self> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), max, file, size })
    }

    /// The file that is being written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn rotate(&mut self) -> io::Result<()> {
        let there = fs::metadata(&self.path).map(|there| (there.dev(), there.ino())).ok();
        let ours = self.file.metadata()?;
        if there == Some((ours.dev(), ours.ino())) {
            let mut old = OsString::from(&self.path);
            old.push(".1");
            fs::rename(&self.path, &old)?;
        }
        self.file = open(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

impl Write for RotatingWriter {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size + lines.len() as u64 > self.max / 2 {
            // A log that cannot be rotated is better too long than silent.
            if let Err(error) = self.rotate() {
                let note = format!("cannot rotate {}: {error}\n", self.path.display());
                self.file.write_all(note.as_bytes())?;
                self.size = 0;
            }
        }
        // All or nothing: after a short write the rest of a line could end up in the next file.
        self.file.write_all(lines)?;
        self.size += lines.len() as u64;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let opened = files::open_for_writing(OpenOptions::new().append(true).create(true), path);
    opened.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot open the log {}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(writer: &mut RotatingWriter, text: String) {
        writer.write_all((text + "\n").as_bytes()).unwrap();
    }

    #[test]
    fn keeps_file_and_predecessor_within_the_bound_and_loses_no_recent_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stigmer.log");
        let mut writer = RotatingWriter::open(&path, 2_000).unwrap();
        for n in 0..500 {
            line(&mut writer, format!("line {n}"));
        }
        let old = fs::read_to_string(dir.path().join("stigmer.log.1")).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        assert!(old.len() + new.len() <= 2_000);
        assert!(old.len() > 900, "half of the bound is history: {}", old.len());
        let lines: Vec<_> = old.lines().chain(new.lines()).collect();
        let first = 500 - lines.len();
        assert_eq!(lines, (first..500).map(|n| format!("line {n}")).collect::<Vec<_>>());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn goes_on_where_a_former_host_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        line(&mut RotatingWriter::open(&path, 1_000).unwrap(), "one".into());
        line(&mut RotatingWriter::open(&path, 1_000).unwrap(), "two".into());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn two_writers_do_not_rotate_each_others_lines_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stigmer.log");
        let mut first = RotatingWriter::open(&path, 400).unwrap();
        let mut second = RotatingWriter::open(&path, 400).unwrap();
        for n in 0..20 {
            line(&mut first, format!("first  {n:03}"));
            line(&mut second, format!("second {n:03}"));
        }
        let old = fs::read_to_string(dir.path().join("stigmer.log.1")).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        assert!(old.contains("first") && old.contains("second"), "{old}");
        assert!((old + &new).contains("second 019"));
    }

    #[test]
    fn says_which_file_cannot_be_opened() {
        let error = RotatingWriter::open(Path::new("/nowhere/x.log"), 10).unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.log"), "{error}");
    }
}
