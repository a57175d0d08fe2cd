//! FUSE file systems for tests. [`HangingMount`] never responds, like a FUSE program that hangs, or
//! NFS without its server. [`HangingReads`] is a file that responds until its reads hang.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// Kinds of requests, from `linux/fuse.h`.
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const INTERRUPT: u32 = 36;
/// Kinds of requests that get no response.
const FORGET: [u32; 2] = [2, 42];
const STATFS: u32 = 17;
const INIT: u32 = 26;

/// Flag of an open file: the kernel does not cache the content, so each read sends a request.
const DIRECT_IO: u32 = 1;

/// Flag of an open file: closing the file sends no request. With such a request, a process would
/// wait for the response even after SIGKILL.
const NO_FLUSH: u32 = 1 << 5;

/// Lifetimes of cached responses in seconds. `NEVER`: the kernel sends a request each time. `LONG`:
/// the kernel sends no second request within a test.
const NEVER: u32 = 0;
const LONG: u32 = 1 << 20;

/// The node number of the folder. The files have the following numbers.
const FIRST_NODE: u32 = 1;

/// The protocol version of the responses in this file.
const PROTOCOL: [u32; 2] = [7, 31];

/// A folder covered by a file system that never responds. The requests to the file system are not
/// read, so a process that waits for a response can be killed. Dropping the value fails all
/// requests and unmounts the file system.
pub struct HangingMount {
    folder: PathBuf,
    device: Option<File>,
}

impl HangingMount {
    /// Mounts the file system over `folder`. If FUSE cannot be mounted, prints the reason and
    /// returns `None`.
    pub fn over(folder: &Path) -> Option<Self> {
        Self::mounted(folder, 0o40_000)
    }

    fn mounted(path: &Path, mode: u32) -> Option<Self> {
        let mount = Self::mount(path, mode);
        mount.inspect_err(|error| println!("skipped: FUSE cannot be mounted here: {error}")).ok()
    }

    /// Mounts a file system with one file, and opens this file before the file system hangs. With
    /// `is_known`, the kernel caches the metadata of the file, as in [`Self::with_known_files`].
    pub fn with_open_file(folder: &Path, is_known: bool) -> Option<(Self, File)> {
        let mount = Self::over(folder)?;
        let path = folder.join("file");
        let opens = std::thread::spawn(move || File::open(path));
        mount.serve_until(if is_known { LONG } else { NEVER }, |_| opens.is_finished());
        Some((mount, opens.join().unwrap().unwrap()))
    }

    /// Mounts a file system with executable files. The kernel caches the metadata of the files for
    /// the time of a test, so reading the metadata sends no request.
    pub fn with_known_files(folder: &Path, names: &[&str]) -> Option<Self> {
        let mount = Self::over(folder)?;
        // Run the program `stat`, so that the kernel looks up the files. The test can kill this
        // process if the look-up blocks.
        let mut stat = Command::new("stat");
        let looks = stat.arg(folder).args(names.iter().map(|name| folder.join(name)));
        let mut looks = looks.stdout(Stdio::null()).spawn().unwrap();
        let mut ran = None;
        mount.serve_until(LONG, |_| {
            ran = looks.try_wait().unwrap();
            ran.is_some()
        });
        assert!(ran.unwrap().success(), "{names:?}");
        Some(mount)
    }

    /// Mounts a responsive file system: an empty folder in which no file can be created.
    pub fn empty(folder: &Path) -> Option<Self> {
        let mount = Self::over(folder)?;
        let mut device = mount.device.as_ref().unwrap().try_clone().unwrap();
        std::thread::spawn(move || {
            let mut request = vec![0; 1 << 20];
            // The loop ends when the file system is unmounted.
            while let Ok(length) = device.read(&mut request) {
                assert!(length >= 40);
                let (error, body) = match kind(&request) {
                    GETATTR => (0, attributes_of_folder(NEVER)),
                    STATFS => (0, words(&[&[0; 20]])),
                    LOOKUP => (-libc::ENOENT, Vec::new()),
                    _ => (-libc::ENOSYS, Vec::new()),
                };
                // The kernel refuses a response to an interrupted request.
                let _ = device.write_all(&response(&request, error, &body));
            }
        });
        Some(mount)
    }

    fn mount(folder: &Path, mode: u32) -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        // SAFETY: the calls cannot fail and do not access memory.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        let fd = device.as_raw_fd();
        let options = format!("fd={fd},rootmode={mode:o},user_id={user},group_id={group}");
        let [kind, target, options] =
            [b"fuse", folder.as_os_str().as_bytes(), options.as_bytes()].map(CString::new);
        let (kind, target, options) = (kind?, target?, options?);
        // SAFETY: the strings end with a zero and outlive the call.
        let mounted = unsafe {
            libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast())
        };
        if mounted != 0 {
            return Err(io::Error::last_os_error());
        }
        let mount = Self { folder: folder.to_owned(), device: Some(device) };
        mount.serve_until(NEVER, |last| last == Some(INIT));
        Ok(mount)
    }

    /// Responds to requests until `is_done` returns true. `is_done` gets the kind of the last
    /// request with a response. `valid` is the lifetime of the responses in seconds.
    fn serve_until(&self, valid: u32, mut is_done: impl FnMut(Option<u32>) -> bool) {
        let mut device = self.device.as_ref().unwrap();
        let mut request = vec![0; 1 << 20];
        let mut node = FIRST_NODE;
        let served = super::within(super::LIMIT, || {
            let mut fds = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::ZERO).unwrap() == 0 {
                return is_done(None);
            }
            let length = device.read(&mut request).unwrap();
            assert!(length >= 40, "{length} bytes are not a request");
            let (error, body) = match kind(&request) {
                INIT => (0, words(&[&PROTOCOL, &[0; 14]])),
                LOOKUP => {
                    node += 1;
                    let head = [node, 0, 0, 0, valid, 0, valid, 0, 0, 0];
                    (0, words(&[&head, &attributes(0o100_755)]))
                }
                GETATTR => (0, attributes_of_folder(valid)),
                OPEN => (0, words(&[&[0, 0, NO_FLUSH, 0]])),
                // The kernel can work without all other operations. After this error, the kernel
                // continues without the operation.
                _ => (-libc::ENOSYS, Vec::new()),
            };
            device.write_all(&response(&request, error, &body)).unwrap();
            is_done(Some(kind(&request)))
        });
        assert!(served, "the kernel did not send the expected request");
    }
}

/// A file that is served from memory, until its reads hang. A process that waits for a read can be
/// killed.
pub struct HangingReads {
    _mount: HangingMount,
    device: File,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    content: Vec<u8>,
    hangs: bool,
    /// Read requests that have got no response.
    waiting: Vec<Vec<u8>>,
}

impl HangingReads {
    /// Mounts the served file over `file`, which must exist. If FUSE cannot be mounted, prints the
    /// reason and returns `None`.
    pub fn over(file: &Path) -> Option<Self> {
        let mount = HangingMount::mounted(file, 0o100_000)?;
        let device = mount.device.as_ref().unwrap().try_clone().unwrap();
        let serving = device.try_clone().unwrap();
        let shared = Arc::<Mutex<Shared>>::default();
        std::thread::spawn({
            let shared = shared.clone();
            move || serve_file(serving, &shared)
        });
        Some(Self { _mount: mount, device, shared })
    }

    /// Makes all further reads hang.
    pub fn hang(&self) {
        self.shared.lock().unwrap().hangs = true;
    }

    /// Number of reads that hang.
    pub fn waiting(&self) -> usize {
        self.shared.lock().unwrap().waiting.len()
    }

    /// Responds to the reads that hang, and to all further reads.
    pub fn respond(&self) {
        let mut shared = self.shared.lock().unwrap();
        shared.hangs = false;
        for read in std::mem::take(&mut shared.waiting) {
            let bytes = shared.read(&read);
            let _ = (&self.device).write_all(&response(&read, 0, &bytes));
        }
    }
}

impl Shared {
    /// Returns the bytes of the file that the read request selects.
    fn read(&self, request: &[u8]) -> Vec<u8> {
        let rest = self.content.get(number(request, 48)..).unwrap_or_default();
        let size = u32::from_ne_bytes(request[56..60].try_into().unwrap()) as usize;
        rest[..rest.len().min(size)].to_vec()
    }

    /// Returns error and body of the response. `None` for a read that hangs.
    fn respond(&mut self, request: &[u8]) -> Option<(i32, Vec<u8>)> {
        Some(match kind(request) {
            GETATTR | SETATTR => {
                let mut attributes = attributes(0o100_600);
                attributes[2] = u32::try_from(self.content.len()).unwrap();
                (0, words(&[&[NEVER, 0, 0, 0], &attributes]))
            }
            OPEN => (0, words(&[&[0, 0, DIRECT_IO | NO_FLUSH, 0]])),
            READ if self.hangs => {
                self.waiting.push(request.to_vec());
                return None;
            }
            READ => (0, self.read(request)),
            WRITE => {
                let (at, bytes) = (number(request, 48), &request[80..]);
                self.content.resize(self.content.len().max(at + bytes.len()), 0);
                self.content[at..at + bytes.len()].copy_from_slice(bytes);
                (0, words(&[&[u32::try_from(bytes.len()).unwrap(), 0]]))
            }
            STATFS => (0, words(&[&[0; 20]])),
            RELEASE => (0, Vec::new()),
            // All other operations are optional. After this error, the kernel continues without the
            // operation.
            _ => (-libc::ENOSYS, Vec::new()),
        })
    }
}

fn serve_file(mut device: File, shared: &Mutex<Shared>) {
    let mut request = vec![0; 1 << 20];
    // The loop ends when the file is unmounted. Errors of a response are ignored, because the
    // kernel refuses the response to an interrupted request.
    while let Ok(length) = device.read(&mut request) {
        let request = &request[..length];
        let mut shared = shared.lock().unwrap();
        match kind(request) {
            INTERRUPT => {
                // The kernel interrupts a read if the process that waits for the response was
                // killed.
                let is_meant = |read: &mut Vec<u8>| read[8..16] == request[40..48];
                for read in shared.waiting.extract_if(.., is_meant) {
                    let _ = device.write_all(&response(&read, -libc::EINTR, &[]));
                }
            }
            kind if FORGET.contains(&kind) => {}
            _ => {
                if let Some((error, body)) = shared.respond(request) {
                    let _ = device.write_all(&response(request, error, &body));
                }
            }
        }
    }
}

/// Reads a 64-bit number at this position of a request.
fn number(request: &[u8], at: usize) -> usize {
    let number = u64::from_ne_bytes(request[at..at + 8].try_into().unwrap());
    usize::try_from(number).unwrap()
}

fn kind(request: &[u8]) -> u32 {
    u32::from_ne_bytes(request[4..8].try_into().unwrap())
}

fn response(request: &[u8], error: i32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(16 + body.len()).unwrap();
    let mut response = words(&[&[size, error.cast_unsigned()]]);
    response.extend_from_slice(&request[8..16]);
    response.extend(body);
    response
}

fn words(parts: &[&[u32]]) -> Vec<u8> {
    parts.iter().copied().flatten().flat_map(|word| word.to_ne_bytes()).collect()
}

/// `struct fuse_attr` with this mode, a size of 4096 bytes and one link.
fn attributes(mode: u32) -> [u32; 22] {
    let mut attributes = [0; 22];
    (attributes[2], attributes[15], attributes[16]) = (4096, mode, 1);
    attributes
}

fn attributes_of_folder(valid: u32) -> Vec<u8> {
    words(&[&[valid, 0, 0, 0], &attributes(0o40_755)])
}

impl Drop for HangingMount {
    fn drop(&mut self) {
        // When the device is closed, every request fails, also requests in progress.
        drop(self.device.take());
        let Ok(folder) = CString::new(self.folder.as_os_str().as_bytes()) else { return };
        // SAFETY: the string ends with a zero and outlives the call.
        unsafe { libc::umount2(folder.as_ptr(), libc::MNT_DETACH) };
    }
}
