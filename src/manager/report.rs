//! What the tasks of the workers and projects report to the manager.

use crate::facts::WorkerFacts;
use crate::paths::shortened;
use crate::project::Project;
use crate::protocol::Entry;
use crate::supervisor::{Generation, Want};
use crate::temporal::provision::NamespaceSpec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A report to the manager.
#[derive(Debug)]
pub(super) enum WorkerReport {
    Facts {
        facts: Arc<WorkerFacts>,
        wanted: Want,
        /// The last stop because of the server that the worker has handled, see `WorkerHandle::halt`.
        halted: Option<u64>,
    },
    Entry(Box<Entry>),
    /// The namespaces of the projects are prepared, or cannot be.
    Prepared(Box<PreparedNamespaces>),
    /// A project file has changed.
    Project(Box<ProjectChange>),
    /// A task has panicked.
    Panicked,
}

/// The new content of a project file.
#[derive(Debug)]
pub(super) struct ProjectChange {
    /// Path of the file.
    pub file: PathBuf,
    /// The project, or why the file cannot be used.
    pub project: Result<Project, ProjectTrouble>,
}

/// Why a project file cannot be used. Its last content stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProjectTrouble {
    /// There is no file any more.
    Deleted,
    /// The file has mistakes, or another error. The text names the file.
    Unusable(String),
}

impl ProjectTrouble {
    /// Describes the trouble in one line, for the status.
    pub(super) fn message(&self, file: &Path) -> String {
        match self {
            Self::Deleted => format!(
                "{} was deleted or moved; restore it, or forget it and its workers with \
                 `stigmer local stop`",
                shortened(file)
            ),
            Self::Unusable(why) => {
                format!("{why}; until it is repaired, its last content stays in force")
            }
        }
    }
}

/// What the projects need, by their files.
pub(super) type NamespaceNeeds = BTreeMap<PathBuf, NamespaceSpec>;

/// What one start of the server needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerNeeds {
    pub(super) generation: Generation,
    pub(super) address: String,
    pub(super) needs: NamespaceNeeds,
}

/// The result of a task that makes the namespaces.
#[derive(Debug)]
pub(super) struct PreparedNamespaces {
    pub(super) target: Arc<ServerNeeds>,
    pub(super) errors: BTreeMap<PathBuf, String>,
}
