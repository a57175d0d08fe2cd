//! A run of a workflow, for requests.

use super::message::WorkflowExecution;

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRef {
    /// Namespace of the workflow.
    pub namespace: String,
    /// ID of the workflow.
    pub workflow_id: String,
    /// ID of the run. Empty for the latest run.
    pub run_id: String,
}

impl RunRef {
    pub(super) fn execution(&self) -> WorkflowExecution {
        WorkflowExecution { workflow_id: self.workflow_id.clone(), run_id: self.run_id.clone() }
    }
}
