//! The preload library (`faults.c`), which makes calls fail, and the file through which a test
//! controls it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A group of functions of the C library whose calls are counted together. `faults.c` has the same
/// groups in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    pub name: &'static str,
    /// The errors that the kernel may return from these functions.
    pub errors: &'static [i32],
}

use libc::{EACCES, EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOLCK, ENOMEM, ENOSPC, ENOSYS, EROFS};

const fn function(name: &'static str, errors: &'static [i32]) -> Function {
    Function { name, errors }
}

pub const FUNCTIONS: [Function; 24] = [
    function("open", &[EMFILE, EIO, ENOSPC, ENOMEM]),
    function("write", &[ENOSPC, EIO]),
    function("rename", &[ENOSPC, EIO]),
    function("fallocate", &[ENOSPC, EIO]),
    function("fork", &[EAGAIN, ENOMEM]),
    function("thread", &[EAGAIN]),
    function("epoll", &[ENOMEM, ENOSPC, EMFILE]),
    function("socket", &[EMFILE, ENOMEM]),
    function("fsync", &[EIO, ENOSPC]),
    function("mkdir", &[ENOSPC, EROFS]),
    function("lock", &[ENOLCK, EINTR]),
    function("unlink", &[EIO, EROFS]),
    function("bind", &[ENOMEM, EACCES]),
    function("listen", &[ENOMEM]),
    function("connect", &[EAGAIN, ENOMEM]),
    function("syscall", &[EMFILE, ENOSYS]),
    function("pipe", &[EMFILE, ENFILE]),
    function("duplicate", &[EMFILE]),
    function("poll", &[ENOMEM, EINTR]),
    function("read", &[EIO]),
    function("readlink", &[EIO, EACCES]),
    function("stat", &[EIO, ENOMEM]),
    function("accept", &[EMFILE, ENOMEM]),
    function("inotify", &[EMFILE, ENOSPC]),
];

const ERRORS: [(i32, &str); 11] = [
    (EACCES, "EACCES"),
    (EAGAIN, "EAGAIN"),
    (EINTR, "EINTR"),
    (EIO, "EIO"),
    (EMFILE, "EMFILE"),
    (ENFILE, "ENFILE"),
    (ENOLCK, "ENOLCK"),
    (ENOMEM, "ENOMEM"),
    (ENOSPC, "ENOSPC"),
    (ENOSYS, "ENOSYS"),
    (EROFS, "EROFS"),
];

/// The name of an error, as the name of a fault contains the error.
pub fn error_name(error: i32) -> &'static str {
    ERRORS.iter().find(|(known, _)| *known == error).map_or("?", |(_, name)| name)
}

/// One injected failure: calls `nth` to `nth + times - 1` of a function fail, counted from the call
/// of [`Control::arm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Index in [`FUNCTIONS`].
    pub function: usize,
    /// If not empty, only calls on files whose path ends with this text count. Works for functions
    /// that take a path or the descriptor of a file.
    pub file: &'static str,
    pub error: i32,
    pub nth: u32,
    pub times: u32,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = if self.file.is_empty() { "" } else { "@" };
        let more = if self.times > 1 { "+" } else { "" };
        let (name, error) = (FUNCTIONS[self.function].name, error_name(self.error));
        write!(f, "{name}{at}{}:{error}:{}{more}", self.file, self.nth)
    }
}

impl Fault {
    /// Whether a host must recover from the failure without a command. A host need not recover if
    /// it lacks a permission for a long time, or if the kernel lacks a system call.
    pub fn is_transient(self) -> bool {
        self.times == 1 || !matches!(self.error, EACCES | ENOSYS)
    }

    /// Whether the failure is a lack of a resource. A check that fails for that reason proves
    /// nothing about the server.
    pub fn is_shortage(self) -> bool {
        matches!(self.error, EMFILE | ENFILE | ENOMEM)
    }

    /// Parses the text that `Display` writes.
    pub fn parse(text: &'static str) -> Option<Self> {
        let mut words = text.split(':');
        let function = words.next()?;
        let (function, file) = function.split_once('@').unwrap_or((function, ""));
        let function = FUNCTIONS.iter().position(|it| it.name == function)?;
        let error = words.next()?;
        let error = ERRORS.iter().find(|(_, name)| *name == error)?.0;
        let nth = words.next()?;
        let times = if nth.ends_with('+') { u32::MAX } else { 1 };
        let nth = nth.trim_end_matches('+').parse().ok()?;
        Some(Self { function, file, error, nth, times })
    }
}

/// The file that the library maps into its memory: the armed fault, and the counts of calls.
#[derive(Debug)]
pub struct Control {
    file: File,
    path: PathBuf,
}

const ARMED: usize = 0;
const FUNCTION: usize = 1;
const NTH: usize = 2;
const ERROR: usize = 3;
const TIMES: usize = 4;
const HITS: usize = 5;
const CALLS: usize = 6;
const COUNTS: usize = 7;
/// Size of the field for [`Fault::file`] in bytes.
const FILE: usize = 64;

impl Control {
    /// Creates the file without an armed fault.
    pub fn create(path: PathBuf) -> Self {
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(Self::file_at() + FILE as u64).unwrap();
        Self { file, path }
    }

    /// Sets the variables of a command that starts a host, so that the host loads the library.
    pub fn load(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library().unwrap()).env("FAULTS_FILE", &self.path);
    }

    /// Resets the counts. From now on, calls fail as `fault` defines. `None`: no call fails.
    pub fn arm(&self, fault: Option<Fault>) {
        self.disarm();
        (HITS..COUNTS + FUNCTIONS.len()).for_each(|word| self.set(word, 0));
        let none = Fault { function: 0, file: "", error: 0, nth: 0, times: 0 };
        let fault = fault.unwrap_or(none);
        let mut name = [0; FILE];
        name[..fault.file.len()].copy_from_slice(fault.file.as_bytes());
        self.file.write_all_at(&name, Self::file_at()).unwrap();
        self.set(FUNCTION, u32::try_from(fault.function).unwrap());
        self.set(NTH, fault.nth);
        self.set(ERROR, fault.error.unsigned_abs());
        self.set(TIMES, fault.times);
        self.set(ARMED, 1);
    }

    /// From now on no call fails.
    pub fn disarm(&self) {
        self.set(ARMED, 0);
    }

    /// Number of calls that have failed since the last [`Self::arm`].
    pub fn hits(&self) -> u32 {
        self.get(HITS)
    }

    /// Number of calls of all functions since the last [`Self::arm`]. Calls after [`Self::disarm`]
    /// count, too.
    pub fn calls(&self) -> u32 {
        self.get(CALLS)
    }

    /// Number of calls of each function since the last [`Self::arm`].
    pub fn counts(&self) -> [u32; FUNCTIONS.len()] {
        std::array::from_fn(|function| self.get(COUNTS + function))
    }

    fn file_at() -> u64 {
        4 * (COUNTS + FUNCTIONS.len()) as u64
    }

    fn set(&self, word: usize, value: u32) {
        self.file.write_all_at(&value.to_ne_bytes(), 4 * word as u64).unwrap();
    }

    fn get(&self, word: usize) -> u32 {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, 4 * word as u64).unwrap();
        u32::from_ne_bytes(bytes)
    }
}

/// The compiled preload library. `None` without a C compiler.
///
/// # Panics
/// If the compiler rejects the source.
pub fn library() -> Option<&'static Path> {
    static LIBRARY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/faults.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // The new library replaces an old one by a rename, because another test run may have the
        // old one loaded.
        let draft = tempfile::NamedTempFile::new_in(folder).unwrap().into_temp_path();
        let library = folder.join("faults.so");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&draft).arg(source);
        let ran = match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            ran => ran.unwrap(),
        };
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        draft.persist(&library).unwrap();
        Some(library)
    });
    LIBRARY.as_deref()
}
