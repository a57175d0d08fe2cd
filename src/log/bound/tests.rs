use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::log::{Follower, StartAt};

fn lines(path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut collect = |line: &[u8]| lines.push(String::from_utf8(line.to_vec()).unwrap());
    let mut follower = Follower::new(path, StartAt::Beginning);
    follower.drain(|batch| batch.lines().for_each(&mut collect)).unwrap();
    lines
}

fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn small_log_is_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("temporal.log");
    let mut bound = FileBound::new(&path, 100_000);
    assert_eq!(bound.enforce().unwrap(), 0);
    fs::write(&path, "one\ntwo\n").unwrap();
    assert_eq!(bound.enforce().unwrap(), 0);
    assert_eq!(lines(&path), ["one", "two"]);
}

#[test]
fn oldest_whole_lines_and_their_blocks_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("temporal.log");
    let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
    let mut bound = FileBound::new(&path, 64 * 1024);
    let mut next = 0;
    for _ in 0..20 {
        for _ in 0..1_000 {
            writeln!(file, "line {next:>20}").unwrap();
            next += 1;
        }
        bound.enforce().unwrap();
        let kept = lines(&path);
        let first = next - kept.len();
        assert!(
            kept.iter().enumerate().all(|(at, line)| *line == format!("line {:>20}", first + at))
        );
        assert!(
            kept.len() * 26 <= 64 * 1024 && kept.len() * 26 >= 7 * 64 * 1024 / 8 - 26 || first == 0
        );
        assert!(allocated(&path) <= 64 * 1024 + 8 * 1024, "{}", allocated(&path));
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 26 * 20_000, "offsets stay valid");
    // This second value has the role of the next host, which continues with the same file.
    assert_eq!(FileBound::new(&path, 64 * 1024).enforce().unwrap(), 0);
    assert!(FileBound::new(&path, 16 * 1024).enforce().unwrap() > 0);
}

#[test]
fn replaced_or_truncated_file_starts_from_zero() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("temporal.log");
    let mut bound = FileBound::new(&path, 8 * 1024);
    fs::write(&path, "0123456789abcde\n".repeat(2_000)).unwrap();
    assert!(bound.enforce().unwrap() > 0);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert_eq!(bound.enforce().unwrap(), 0);
    fs::write(&path, "0123456789abcde\n".repeat(2_000)).unwrap();
    assert!(bound.enforce().unwrap() > 0);
    fs::rename(&path, dir.path().join("old")).unwrap();
    fs::write(&path, "new\n").unwrap();
    assert_eq!(bound.enforce().unwrap(), 0);
    assert_eq!(lines(&path), ["new"]);
}

#[test]
fn error_names_the_file_and_the_operation() {
    let error = FileBound::new(Path::new("/proc/self"), 1).enforce().unwrap_err().to_string();
    assert!(error.contains("/proc/self") && error.contains("opening"), "{error}");
}

fn number(line: &str) -> u64 {
    let number = line.strip_prefix("line ").and_then(|rest| rest.strip_suffix(WORDS));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("torn: {line:?}"))
}

const WORDS: &str = " of a log that is bounded";

/// The writer is another process. Like the server, this process does not know the limit.
#[test]
fn fast_writer_loses_no_retained_line() {
    const LINES: u64 = 400_000;
    const MAX: u64 = 256 * 1024;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("temporal.log");
    let file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
    // `seq` writes blocks of bytes, which may end within a line. So the reader also gets parts of
    // lines.
    let mut seq = Command::new("seq");
    seq.args(["-f", &format!("line %.0f{WORDS}"), &LINES.to_string()]);
    let mut seq = seq.stdout(file).stderr(Stdio::null()).spawn().unwrap();

    let mut bound = FileBound::new(&path, MAX);
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let bounding = thread::spawn(move || {
        let mut cuts = 0;
        while !stop.load(Ordering::Relaxed) {
            cuts += u64::from(bound.enforce().unwrap() > 0);
        }
        bound.enforce().unwrap();
        cuts
    });

    let mut follower = Follower::new(&path, StartAt::Beginning);
    let (mut last, mut gaps, mut skipped) = (0, 0, 0);
    while last < LINES {
        let read = follower.read_on(|batch| {
            skipped += batch.skipped();
            for line in batch.lines() {
                let n = number(std::str::from_utf8(line).unwrap());
                assert!(n > last, "line {n} after {last}");
                gaps += u64::from(n != last + 1);
                last = n;
            }
        });
        read.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let cuts = bounding.join().unwrap();
    assert!(seq.wait().unwrap().success());
    assert!(cuts > 0, "the limit was never reached");
    assert_eq!(gaps > 0, skipped > 0, "a gap is always reported: {gaps} gaps, {skipped} bytes");

    let kept = lines(&path);
    let first = LINES - kept.len() as u64 + 1;
    for (at, line) in kept.iter().enumerate() {
        assert_eq!(number(line), first + at as u64);
    }
    assert!(kept.len() as u64 * 34 > MAX / 2, "{} lines", kept.len());
    assert!(allocated(&path) <= MAX + 64 * 1024, "{}", allocated(&path));
}

#[test]
fn copy_has_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("t.log"), folder.path().join("t.view"));
    let line = |n: u32| format!("line {n:06} of a log\n");
    fs::write(&path, (0..10_000).map(line).collect::<String>()).unwrap();
    assert!(!copy_kept(&path, &copy).unwrap(), "no hole, no copy");
    assert!(!copy.exists());
    if FileBound::new(&path, 64 * 1024).enforce().unwrap() == 0 {
        return; // The file system does not support holes.
    }
    assert!(copy_kept(&path, &copy).unwrap());
    let text = fs::read_to_string(&copy).unwrap();
    assert!(text.starts_with("line ") && text.ends_with(&line(9_999)), "{:?}", text.get(..40));
    assert!(text.len() > 32 * 1024 && text.len() < 80 * 1024, "{}", text.len());
    // An existing file at the path of the copy is longer than the new copy. Such a file remains
    // from a dashboard that was killed.
    fs::write(&copy, vec![b'x'; 1024 * 1024]).unwrap();
    assert!(copy_kept(&path, &copy).unwrap());
    assert_eq!(fs::read_to_string(&copy).unwrap(), text);
    // A link to a file of the user must not be followed.
    let theirs = folder.path().join("theirs");
    fs::rename(&copy, &theirs).unwrap();
    std::os::unix::fs::symlink(&theirs, &copy).unwrap();
    fs::write(&theirs, "kept").unwrap();
    assert!(copy_kept(&path, &copy).unwrap_err().to_string().contains("symbolic link"));
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "kept");
}
