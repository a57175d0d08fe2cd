//! A log file of stigmer itself, with a size limit: the current file and one older file.

use super::lines::Lines;
use crate::paths::files;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Appends lines to a file. Before the file exceeds half of the size limit, it is renamed to
/// `NAME.1`, which replaces the older `NAME.1`, and a new file begins. The two files together stay
/// within the limit. After the first rename, both files together always contain lines of about half
/// of the limit or more. No line is split between the files.
///
/// During a hand-over, two hosts may append at the same time. Each host notices that the other host
/// has renamed the file, because each append compares the open file with the file at the path. A
/// deleted file is created again.
#[derive(Debug)]
pub struct RotatingWriter {
    path: PathBuf,
    max: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    lines: Lines<File>,
    size: u64,
}

impl RotatingWriter {
    /// Creates a writer to `path` (mode 0600). The current file and the older file together have at
    /// most `max` bytes. The file is opened when the first line is written, and again after an
    /// error.
    pub fn new(path: &Path, max: u64) -> Self {
        Self { path: path.to_owned(), max, open: None }
    }

    /// Path of the current file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens or creates the file, unless the file at the path is open already.
    ///
    /// # Errors
    /// The error of the operating system, with the path in its message.
    pub fn check(&mut self) -> io::Result<()> {
        self.opened().map(drop)
    }

    /// Appends one or more complete lines. After an error, the file may contain the beginning of
    /// these lines. The next append then begins with a line end.
    ///
    /// # Errors
    /// The error of the operating system.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let (path, max) = (self.path.clone(), self.max);
        let mut open = self.opened()?;
        if open.size > 0 && open.size + lines.len() as u64 > max / 2 {
            match fs::rename(&path, predecessor(&path)) {
                Ok(()) => open = self.opened()?,
                // If the rename fails, the log grows beyond its limit. That is better than missing
                // lines.
                Err(_) => open.size = 0,
            }
        }
        open.lines.write(lines)?;
        open.size += lines.len() as u64;
        Ok(())
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let open = self.open.take().filter(|open| open.is_at(&self.path));
        let open = open.map_or_else(|| Open::new(&self.path), Ok)?;
        Ok(self.open.insert(open))
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let open = || -> io::Result<Self> {
            let mut options = OpenOptions::new();
            let options = options.read(true).append(true).create(true);
            let file = files::open_for_writing(options, path)?;
            let size = file.metadata()?.len();
            let mut last = [b'\n'];
            if let Some(at) = size.checked_sub(1) {
                file.read_at(&mut last, at)?;
            }
            Ok(Self { lines: Lines::new(file, last != [b'\n']), size })
        };
        open().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the log {}: {error}", path.display()))
        })
    }

    fn is_at(&self, path: &Path) -> bool {
        let ours = self.lines.get_ref().metadata();
        fs::metadata(path)
            .and_then(|there| Ok((there, ours?)))
            .is_ok_and(|(there, ours)| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }
}

/// Path of the older file of a log: `NAME.1`.
pub fn predecessor(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(writer: &mut RotatingWriter, text: String) {
        writer.append((text + "\n").as_bytes()).unwrap();
    }

    #[test]
    fn file_and_predecessor_stay_within_the_limit_and_keep_recent_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stigmer.log");
        let mut writer = RotatingWriter::new(&path, 2_000);
        for n in 0..500 {
            line(&mut writer, format!("line {n}"));
        }
        let old = fs::read_to_string(dir.path().join("stigmer.log.1")).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        assert!(old.len() + new.len() <= 2_000);
        assert!(old.len() > 900, "half of the limit is history: {}", old.len());
        let lines: Vec<_> = old.lines().chain(new.lines()).collect();
        let first = 500 - lines.len();
        assert_eq!(lines, (first..500).map(|n| format!("line {n}")).collect::<Vec<_>>());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn continues_the_file_of_an_earlier_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        line(&mut RotatingWriter::new(&path, 1_000), "one".into());
        line(&mut RotatingWriter::new(&path, 1_000), "two".into());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn two_writers_keep_the_lines_of_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stigmer.log");
        let mut first = RotatingWriter::new(&path, 400);
        let mut second = RotatingWriter::new(&path, 400);
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
    fn error_names_the_file() {
        let error = RotatingWriter::new(Path::new("/nowhere/x.log"), 10).check().unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.log"), "{error}");
    }

    #[test]
    fn deleted_log_is_created_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stigmer.log");
        let mut writer = RotatingWriter::new(&path, 1_000);
        line(&mut writer, "one".into());
        fs::remove_file(&path).unwrap();
        line(&mut writer, "two".into());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn cut_line_of_an_earlier_host_is_ended_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        fs::write(&path, "one\ntw").unwrap();
        line(&mut RotatingWriter::new(&path, 1_000), "three".into());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }
}
