//! The temporary folder of an installation, next to its target, and the lock that allows one
//! installation at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use sha2::{Digest, Sha256};

use super::{InstallError, Progress};
use crate::paths::files;

const PREFIX: &str = ".install-";
/// Maximum size of the program in bytes. The tested program has 156 MB. A file above the limit is
/// an error or an attack.
pub(super) const MAX_PROGRAM: u64 = 1_500_000_000;

fn folder_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Folder { path, action, source }
}

/// Creates the folder of the program with mode 0700 if it does not exist.
pub(super) fn create_folder(bin: &Path) -> Result<(), InstallError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(bin);
    created.map_err(folder_error(bin, "creating the folder"))
}

/// Deletes the temporary folders of installations that were killed. The caller must have the
/// [`InstallLock`].
pub(super) fn clear_leftovers(bin: &Path) {
    for entry in fs::read_dir(bin).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.path().is_dir() {
            // An error is ignored, because the folder does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The lock of an installation folder. Only the process that has the lock may change the files of
/// the folder. The kernel releases the lock when that process ends.
pub(super) struct InstallLock(File);

impl InstallLock {
    pub(super) fn take(bin: &Path, progress: &mut dyn Progress) -> Result<Self, InstallError> {
        let path = bin.join(".install.lock");
        let file = files::open_for_writing(OpenOptions::new().create(true).write(true), &path);
        let file = file.map_err(folder_error(&path, "opening the lock"))?;
        let mut taken = fs2::FileExt::try_lock_exclusive(&file);
        if taken.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            progress.waiting(&path);
            taken = fs2::FileExt::lock_exclusive(&file);
        }
        taken.map_err(folder_error(&path, "locking"))?;
        Ok(Self(file))
    }
}

impl Drop for InstallLock {
    fn drop(&mut self) {
        // Closing the file does not always release the lock: a process that is being spawned may
        // have a copy of the descriptor.
        let _ = fs2::FileExt::unlock(&self.0);
    }
}

/// A downloaded program in the temporary folder.
pub(super) struct Program {
    pub(super) sha256: String,
}

/// A temporary folder on the same file system as the target, so that a rename completes the
/// installation. Dropping this value deletes the folder and its content.
pub(super) struct Staging {
    folder: PathBuf,
}

impl Staging {
    pub(super) fn new(bin: &Path) -> Result<Self, InstallError> {
        // A process of another pid namespace may have the same pid. The install lock keeps the two
        // processes from using this folder at the same time.
        let folder = bin.join(format!("{PREFIX}{}", process::id()));
        let _ = fs::remove_dir_all(&folder);
        let created = DirBuilder::new().mode(0o700).create(&folder);
        created.map_err(folder_error(&folder, "creating the folder"))?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the program in the temporary folder.
    pub(super) fn program(&self) -> PathBuf {
        self.folder.join("temporal")
    }

    /// Writes the program into the temporary folder and flushes it to the disk.
    pub(super) fn write_program(&self, from: impl Read) -> Result<Program, String> {
        let path = self.program();
        let mut options = OpenOptions::new();
        // The file is read-only, because homes share it by hard links. Otherwise `cp FILE
        // bin/temporal` in one home would change the program of all homes.
        let file = options.write(true).create_new(true).mode(0o500).open(&path);
        let mut file =
            file.map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        let mut hash = Sha256::new();
        let mut written = 0;
        copy(&mut from.take(MAX_PROGRAM + 1), |chunk| {
            written += chunk.len() as u64;
            hash.update(chunk);
            file.write_all(chunk)
        })?;
        if written > MAX_PROGRAM {
            return Err(format!("the program in it has more than {MAX_PROGRAM} bytes"));
        }
        file.sync_all().map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(Program { sha256: hex(hash) })
    }

    /// Moves the program to the path `target`. Processes that run the old program continue.
    pub(super) fn place(&self, target: &Path) -> Result<(), InstallError> {
        if target.is_dir() {
            let source = io::ErrorKind::IsADirectory.into();
            return Err(folder_error(target, "replacing")(source));
        }
        fs::rename(self.program(), target).map_err(folder_error(target, "renaming"))?;
        // The rename survives a power failure only after this flush of the folder.
        let folder = target.parent().and_then(|folder| File::open(folder).ok());
        let _ = folder.map(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The SHA-256 checksum of a file, in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String, String> {
    let mut hash = Sha256::new();
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()));
    copy(&mut file?, |chunk| {
        hash.update(chunk);
        Ok(())
    })?;
    Ok(hex(hash))
}

fn copy(from: &mut impl Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), String> {
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let n = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("reading failed: {error}")),
        };
        to(&chunk[..n])
            .map_err(|error| format!("cannot write the program to the disk: {error}"))?;
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
