//! The folder in which a download becomes a program, beside the place it will have.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use sha2::{Digest, Sha256};

use super::{InstallError, Progress};
use crate::paths::files;

const PREFIX: &str = ".install-";
/// The program has 156 MB; ten times as much is a mistake or an attack.
pub(super) const MAX_PROGRAM: u64 = 1_500_000_000;

fn folder_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Folder { path, action, source }
}

/// Creates the folder, for its owner only, where it is missing.
pub(super) fn create_folder(bin: &Path) -> Result<(), InstallError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(bin);
    created.map_err(folder_error(bin, "creating the folder"))
}

/// Removes what installs that were killed have left. To be called by the holder of the lock.
pub(super) fn clear_leftovers(bin: &Path) {
    for entry in fs::read_dir(bin).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.path().is_dir() {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Only its holder changes anything in the folder. Freed by the kernel when the holder ends.
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
        // Explicitly: a program that is just being started may have a copy of the descriptor.
        let _ = fs2::FileExt::unlock(&self.0);
    }
}

/// What was written as the program.
pub(super) struct Program {
    pub(super) sha256: String,
}

/// A folder of our own beside the target, so that the last step is a rename. Removed with all that
/// is in it, whatever happens.
pub(super) struct Staging {
    folder: PathBuf,
}

impl Staging {
    pub(super) fn new(bin: &Path) -> Result<Self, InstallError> {
        // The lock is held, so the pid is unique enough, even across pid namespaces.
        let folder = bin.join(format!("{PREFIX}{}", process::id()));
        let _ = fs::remove_dir_all(&folder);
        let created = DirBuilder::new().mode(0o700).create(&folder);
        created.map_err(folder_error(&folder, "creating the folder"))?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the program is put together.
    pub(super) fn program(&self) -> PathBuf {
        self.folder.join("temporal")
    }

    /// Writes the program, down to the disk.
    pub(super) fn write_program(&self, from: impl Read) -> Result<Program, String> {
        let path = self.program();
        let mut options = OpenOptions::new();
        // Read-only: `cp FILE bin/temporal` would write through the hard link into other homes.
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

    /// Moves the program to its place. Who runs the old one keeps running it.
    pub(super) fn place(&self, target: &Path) -> Result<(), InstallError> {
        if target.is_dir() {
            let source = io::ErrorKind::IsADirectory.into();
            return Err(folder_error(target, "replacing")(source));
        }
        fs::rename(self.program(), target).map_err(folder_error(target, "renaming"))?;
        // The rename outlives a power cut only when the folder is on the disk, too.
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

/// The SHA-256 of a file.
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
            Err(error) => return Err(format!("broke off: {error}")),
        };
        to(&chunk[..n]).map_err(|error| format!("cannot write it to the disk: {error}"))?;
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
