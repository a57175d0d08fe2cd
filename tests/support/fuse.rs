//! A FUSE file system that is mounted and never responds, as one whose program hangs or a network
//! file system whose server is gone.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Requests of `linux/fuse.h`.
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const STATFS: u32 = 17;
const INIT: u32 = 26;

/// Closing the file is no request, for which even a process that was killed would wait.
const NO_FLUSH: u32 = 1 << 5;

/// The protocol version that the responses below are of.
const PROTOCOL: [u32; 2] = [7, 31];

/// A folder over which such a file system is mounted. A process that waits for it can be killed,
/// because the requests are not even read. Dropped, it fails all requests and is unmounted.
pub struct HangingMount {
    folder: PathBuf,
    device: Option<File>,
}

impl HangingMount {
    /// Mounts over `folder`. `None`, and a line that says why, where FUSE cannot be mounted.
    pub fn over(folder: &Path) -> Option<Self> {
        let mount = Self::mount(folder);
        mount.inspect_err(|error| println!("skipped: FUSE cannot be mounted here: {error}")).ok()
    }

    /// The same with one file in it, which is opened before the file system hangs.
    pub fn with_open_file(folder: &Path) -> Option<(Self, File)> {
        let mount = Self::over(folder)?;
        let path = folder.join("file");
        let opens = std::thread::spawn(move || File::open(path));
        // Both before the thread is done, and nothing after.
        mount.respond(LOOKUP).unwrap();
        mount.respond(OPEN).unwrap();
        let file = opens.join().unwrap().unwrap();
        Some((mount, file))
    }

    /// The same, but responsive: an empty folder that takes no file.
    pub fn empty(folder: &Path) -> Option<Self> {
        let mount = Self::over(folder)?;
        let mut device = mount.device.as_ref().unwrap().try_clone().unwrap();
        std::thread::spawn(move || {
            let mut request = vec![0; 1 << 20];
            // Until it is unmounted.
            while let Ok(length) = device.read(&mut request) {
                let kind = u32::from_ne_bytes(request[4..8].try_into().unwrap());
                let (error, body) = match kind {
                    GETATTR => (0, words(&[&[0; 4], &attributes(0o40_755)])),
                    STATFS => (0, words(&[&[0; 20]])),
                    LOOKUP => (-libc::ENOENT, Vec::new()),
                    _ => (-libc::ENOSYS, Vec::new()),
                };
                assert!(length >= 40);
                // A request that was interrupted takes no response.
                let _ = device.write_all(&response(&request, error, &body));
            }
        });
        Some(mount)
    }

    fn mount(folder: &Path) -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        // SAFETY: neither call can fail or touches memory.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        let fd = device.as_raw_fd();
        let options = format!("fd={fd},rootmode=40000,user_id={user},group_id={group}");
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
        mount.respond(INIT)?;
        Ok(mount)
    }

    /// Reads requests up to the first of this kind, and responds to each.
    fn respond(&self, last: u32) -> io::Result<()> {
        let mut device = self.device.as_ref().unwrap();
        let mut request = vec![0; 1 << 20];
        loop {
            let length = device.read(&mut request)?;
            let word = |at: usize| request[at..at + 4].try_into().map(u32::from_ne_bytes);
            assert!(length >= 40, "{length} bytes are no request");
            let kind = word(4).unwrap();
            let body = match kind {
                INIT => words(&[&PROTOCOL, &[0; 14]]),
                // Node 2, valid for no time at all, so that each look at the path asks again.
                LOOKUP => words(&[&[2, 0], &[0; 8], &attributes(0o100_644)]),
                GETATTR => words(&[&[0; 4], &attributes(0o40_755)]),
                OPEN => words(&[&[0, 0, NO_FLUSH, 0]]),
                other => panic!("request {other} is not foreseen"),
            };
            device.write_all(&response(&request, 0, &body))?;
            if kind == last {
                return Ok(());
            }
        }
    }
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

/// `struct fuse_attr`: nothing but mode and one link.
fn attributes(mode: u32) -> [u32; 22] {
    let mut attributes = [0; 22];
    (attributes[15], attributes[16]) = (mode, 1);
    attributes
}

impl Drop for HangingMount {
    fn drop(&mut self) {
        // Without its device every request fails, those under way too.
        drop(self.device.take());
        let Ok(folder) = CString::new(self.folder.as_os_str().as_bytes()) else { return };
        // SAFETY: the string ends with a zero and outlives the call.
        unsafe { libc::umount2(folder.as_ptr(), libc::MNT_DETACH) };
    }
}
