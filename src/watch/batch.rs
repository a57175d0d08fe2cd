//! Collects changes until no further one follows.

use super::ChangedFiles;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time without a change that ends a batch. An editor, a formatter or a `git checkout` writes several
/// files with shorter pauses.
pub(super) const QUIET: Duration = Duration::from_millis(120);

/// Time after which a batch ends, also if the changes do not end.
pub(super) const LONGEST: Duration = Duration::from_secs(3);

/// Number of paths that a batch remembers. Further ones are counted only once each.
const PATHS_MAX: usize = 10_000;

/// The changes since the last batch.
#[derive(Debug, Default)]
pub(super) struct ChangeBatch {
    open: Option<OpenBatch>,
}

#[derive(Debug)]
struct OpenBatch {
    first: PathBuf,
    paths: BTreeSet<PathBuf>,
    begun: Instant,
    last: Instant,
}

impl ChangeBatch {
    /// Adds a change.
    pub(super) fn add(&mut self, path: &Path, now: Instant) {
        let open = self.open.get_or_insert_with(|| OpenBatch {
            first: path.to_owned(),
            paths: BTreeSet::new(),
            begun: now,
            last: now,
        });
        open.last = now;
        if open.paths.len() < PATHS_MAX {
            open.paths.insert(path.to_owned());
        }
    }

    /// The time at which the batch ends. `None` without a change.
    pub(super) fn due(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| (open.last + QUIET).min(open.begun + LONGEST))
    }

    /// Returns the changes if the batch has ended.
    pub(super) fn take(&mut self, now: Instant) -> Option<ChangedFiles> {
        self.due().filter(|due| *due <= now)?;
        let open = self.open.take()?;
        Some(ChangedFiles { first: open.first, count: open.paths.len() })
    }
}
