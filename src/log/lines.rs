//! Appends complete lines to a writer that may fail in the middle of a line.

use std::io::{self, ErrorKind, Write};

/// Appends lines to a file. If a full disk has cut the last line, the next write begins with a line
/// end. Otherwise the next line would be joined to the cut line.
#[derive(Debug)]
pub(super) struct Lines<W> {
    file: W,
    /// Whether the last line of the file has no line end.
    is_torn: bool,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(file: W, is_torn: bool) -> Self {
        Self { file, is_torn }
    }

    pub(super) fn get_ref(&self) -> &W {
        &self.file
    }

    /// Writes one or more complete lines. After an error, the file may contain the beginning of
    /// these lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let end_of_half: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let whole = [end_of_half, lines].concat();
        let mut rest = &whole[..];
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.is_torn = rest[n - 1] != b'\n';
                    rest = &rest[n..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.file.flush()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A writer for tests: a disk with `room` bytes of free space.
    #[derive(Debug)]
    pub(in super::super) struct SmallDisk {
        pub(in super::super) room: usize,
        pub(in super::super) text: Vec<u8>,
    }

    impl Write for SmallDisk {
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
    fn line_after_a_cut_line_is_kept() {
        let mut lines = Lines::new(SmallDisk { room: 6, text: Vec::new() }, false);
        lines.write(b"one\n").unwrap();
        lines.write(b"two\n").unwrap_err();
        lines.write(b"none\n").unwrap_err();
        lines.file.room = 100;
        lines.write(b"three\n").unwrap();
        lines.write(b"four\n").unwrap();
        assert_eq!(lines.file.text, b"one\ntw\nthree\nfour\n");
    }

    #[test]
    fn unwritten_line_leaves_no_blank_line() {
        let mut lines = Lines::new(SmallDisk { room: 4, text: Vec::new() }, false);
        lines.write(b"one\n").unwrap();
        lines.write(b"two\n").unwrap_err();
        lines.file.room = 100;
        lines.write(b"three\n").unwrap();
        assert_eq!(lines.file.text, b"one\nthree\n");
    }
}
