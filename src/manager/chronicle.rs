//! The timeline on disk, an object a line: it outlives every process.

use crate::log::RotatingWriter;
use crate::protocol::{ENTRIES, Entry};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Kept of it, its predecessor included.
const MAX: u64 = 1 << 20;

/// Read of its end by a host that begins. A start has 400 bytes, a crash some kilobytes.
const TAIL: u64 = 256 << 10;

/// Where a host writes it.
#[derive(Debug)]
pub struct Chronicle(Option<Lines<RotatingWriter>>);

impl Chronicle {
    /// Goes on where the last host ended.
    pub fn open(path: &Path) -> Self {
        let file = RotatingWriter::open(path, MAX).and_then(|file| {
            let is_torn = tail(path, 1)?.last().is_some_and(|byte| *byte != b'\n');
            Ok(Lines { file, is_torn })
        });
        Self(file.inspect_err(|error| tracing::warn!(%error, "no timeline on disk")).ok())
    }

    /// Adds an entry. One that cannot be written is lost, and said to be.
    pub fn write(&mut self, entry: &Entry) {
        let (Some(file), Ok(text)) = (&mut self.0, serde_json::to_string(entry)) else { return };
        if let Err(error) = file.write(&text) {
            tracing::warn!(%error, "an entry of the timeline is lost");
        }
    }
}

/// Writes lines. The one after half a line, as a full disk leaves it, is not lost with that.
#[derive(Debug)]
struct Lines<W> {
    file: W,
    is_torn: bool,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &str) -> io::Result<()> {
        let end_of_half = if self.is_torn { "\n" } else { "" };
        let written = self.file.write_all(format!("{end_of_half}{line}\n").as_bytes());
        self.is_torn = written.is_err();
        written
    }
}

/// Its files, the older one first.
#[must_use]
pub fn files(path: &Path) -> [PathBuf; 2] {
    let mut predecessor = OsString::from(path);
    predecessor.push(".1");
    [predecessor.into(), path.to_owned()]
}

/// What earlier hosts of the home have told, newest last: as much as a viewer is shown. What
/// cannot be read is not told; a host needs none of it.
#[must_use]
pub fn recent(path: &Path) -> VecDeque<Arc<Entry>> {
    let mut told = VecDeque::new();
    let mut room = TAIL;
    for file in files(path).iter().rev() {
        let text = match tail(file, room) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(path = %file.display(), %error, "earlier entries are not shown");
                continue;
            }
        };
        room = room.saturating_sub(text.len() as u64);
        // Of a line that a full disk has cut, or of another version, nothing can be said.
        let entries = text.rsplit(|byte| *byte == b'\n').flat_map(serde_json::from_slice);
        for entry in entries.take(ENTRIES - told.len()) {
            told.push_front(entry);
        }
    }
    told
}

/// The last so many bytes.
fn tail(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::timeline;
    use super::*;
    use crate::protocol::Happened;
    use crate::supervisor::{Cause, Generation};

    struct Home(tempfile::TempDir);

    impl Home {
        fn path(&self) -> PathBuf {
            self.0.path().join("events.jsonl")
        }

        fn wrote(texts: [&str; 2]) -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            for (file, text) in files(&home.path()).iter().zip(texts) {
                std::fs::write(file, text).unwrap();
            }
            home
        }

        fn told(&self) -> Vec<u64> {
            recent(&self.path()).iter().map(|entry| entry.generation.0).collect()
        }
    }

    fn entry(generation: u64) -> Entry {
        timeline::entry(Happened::Ready, Generation(generation), Cause::Operator, String::new())
    }

    /// So much room is left on the disk.
    struct Disk {
        room: usize,
        text: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let bytes = &bytes[..bytes.len().min(self.room)];
            if bytes.is_empty() {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= bytes.len();
            self.text.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_entry_after_half_a_one_is_not_lost_with_it() {
        let disk = Disk { room: 6, text: Vec::new() };
        let mut lines = Lines { file: disk, is_torn: false };
        lines.write("one").unwrap();
        lines.write("two").unwrap_err();
        lines.file.room = 100;
        lines.write("three").unwrap();
        lines.write("four").unwrap();
        assert_eq!(lines.file.text, b"one\ntw\nthree\nfour\n");
    }

    fn line(generation: u64) -> String {
        serde_json::to_string(&entry(generation)).unwrap() + "\n"
    }

    #[test]
    fn what_one_host_wrote_is_told_by_the_next() {
        let home = Home(tempfile::tempdir().unwrap());
        assert_eq!(home.told(), [0; 0], "nothing is there yet");
        let mut chronicle = Chronicle::open(&home.path());
        (1..=3).for_each(|n| chronicle.write(&entry(n)));
        assert_eq!(home.told(), [1, 2, 3]);
    }

    #[test]
    fn no_more_is_told_than_a_viewer_is_shown_and_the_older_file_comes_first() {
        let many: String = (1..=90).map(line).collect();
        let more: String = (91..=130).map(line).collect();
        let home = Home::wrote([&many, &more]);
        assert_eq!(home.told(), (31..=130).collect::<Vec<_>>());
        std::fs::remove_file(&files(&home.path())[1]).unwrap();
        assert_eq!(home.told(), (1..=90).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_broken_or_of_another_version_is_left_out() {
        let later = line(5).replace("ready", "reborn");
        let added = line(6).replace("{\"time\"", "{\"later\":[1],\"time\"");
        let text = [&line(1), "\n\u{0}\u{0}{\"time\":\n", &later, &added, &line(7)[..30]].concat();
        let home = Home::wrote(["[1,2]\nno json\n", &text]);
        assert_eq!(home.told(), [1, 6]);
    }

    #[test]
    fn what_follows_half_a_line_is_not_lost_with_it() {
        let home = Home::wrote(["", &format!("{}{}", line(1), &line(2)[..30])]);
        Chronicle::open(&home.path()).write(&entry(3));
        assert_eq!(home.told(), [1, 3]);
    }

    #[test]
    fn a_long_file_is_read_from_its_end_only() {
        let home = Home(tempfile::tempdir().unwrap());
        let file = File::create(home.path()).unwrap();
        file.set_len(1 << 40).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(home.path())
            .unwrap()
            .write_all(format!("\n{}", line(2)).as_bytes())
            .unwrap();
        assert_eq!(home.told(), [2]);
    }

    #[test]
    fn what_cannot_be_read_or_written_costs_nothing_but_its_entries() {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path()).unwrap();
        std::fs::write(&files(&home.path())[0], line(1)).unwrap();
        assert_eq!(home.told(), [1]);
        Chronicle::open(&home.path()).write(&entry(2));
    }
}
