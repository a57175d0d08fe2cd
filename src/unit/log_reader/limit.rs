//! The size limit of a log file on disk, and the detection of a log file that was deleted or moved.

use super::{ReaderState, TroubleWords};
use crate::log::bound::{BoundError, FileBound};
use crate::process::identity::Identity;
use crate::process::open_files::{self, Output};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Limits the size of a log file, and publishes problems with the file.
pub(super) struct LogBound {
    path: PathBuf,
    words: TroubleWords,
    /// `None` if the file system does not support the limit.
    bound: Option<FileBound>,
    failure: Option<String>,
    /// Message about a log file that was deleted or moved while the process still writes to it.
    lost: Option<String>,
    /// Inode of the file that the process writes to, as last seen at the path of the log. If the
    /// file was moved, it is recognized by its inode.
    inode: Option<u64>,
    shared: Arc<ReaderState>,
}

impl LogBound {
    pub(super) fn new(path: PathBuf, words: TroubleWords, shared: Arc<ReaderState>) -> Self {
        let bound = Some(FileBound::new(&path, shared.max.load(Ordering::Relaxed)));
        Self { path, words, bound, failure: None, lost: None, inode: None, shared }
    }

    pub(super) fn enforce(&mut self) {
        self.bounded(FileBound::enforce);
    }

    pub(super) fn inspect(&mut self, leader: &Identity) {
        let output = open_files::output(&self.path, leader, self.inode);
        let writer = self.words.writer;
        self.lost = match &output {
            Ok(Output::Unlinked(_)) | Err(_) => Some(format!(
                "was deleted or replaced, but {writer} still writes to the deleted file"
            )),
            Ok(Output::Moved(to)) => Some(format!(
                "was moved to {}, where {writer} still writes to the file without a size limit",
                to.display()
            )),
            Ok(Output::InPlace | Output::Elsewhere) => None,
        };
        match output {
            Ok(Output::Unlinked(file)) => self.bounded(|bound| bound.enforce_on(file)),
            Ok(Output::InPlace) => {
                self.inode = self.path.metadata().ok().map(|meta| meta.ino());
                self.enforce();
            }
            Ok(Output::Elsewhere) => self.enforce(),
            // A user who moves the file wants to keep all of its lines, so the moved file is not
            // limited.
            Ok(Output::Moved(_)) => self.publish(),
            Err(error) => {
                self.failed(format!(
                    "cannot limit the size of the deleted file {}: {error}",
                    self.path.display()
                ));
                self.publish();
            }
        }
    }

    fn bounded(&mut self, enforce: impl FnOnce(&mut FileBound) -> Result<u64, BoundError>) {
        if let Some(bound) = &mut self.bound {
            bound.set_max(self.shared.max.load(Ordering::Relaxed));
            match enforce(bound) {
                Ok(_) => self.failure = None,
                Err(error @ BoundError::Unsupported { .. }) => {
                    tracing::warn!(%error, "the log of {} grows without a limit", self.words.writer);
                    (self.bound, self.failure) = (None, None);
                }
                Err(error @ BoundError::Io { .. }) => self.failed(error.to_string()),
            }
        }
        self.publish();
    }

    fn failed(&mut self, failure: String) {
        if self.failure.as_ref() != Some(&failure) {
            tracing::warn!("{failure}");
            self.failure = Some(failure);
        }
    }

    fn publish(&self) {
        let lost = self
            .lost
            .as_ref()
            .map(|lost| format!("{} {lost}; {}", self.path.display(), self.words.hint));
        let troubles: Vec<String> = lost.into_iter().chain(self.failure.clone()).collect();
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            (!troubles.is_empty()).then(|| troubles.join("; "));
    }
}
