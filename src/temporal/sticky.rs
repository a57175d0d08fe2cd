//! Sticky task queues: the server sends the tasks of a workflow to the worker that has the workflow in
//! its cache. If this worker was killed, each task first waits 10 s for it.

use super::connection::describe;
use super::executions::query_literal;
use super::health::Client;
use super::message::Ignored;
use super::message::action::ResetStickyRequest;
use super::run::RunRef;
use std::collections::BTreeSet;

/// Number of workflows in one page. A listed workflow costs the server 0.5 ms.
const PAGE: u16 = 100;
/// The maximum number of workflows that are reset.
const MOST: usize = 2_000;

impl Client {
    /// Lets any worker continue the running workflows of these task queues at once, after the end of
    /// the worker that has cached them. Returns their number.
    ///
    /// # Errors
    /// The error of the server. Some workflows may be reset then.
    pub async fn reset_sticky_queues(
        &self,
        namespace: &str,
        queues: &BTreeSet<String>,
    ) -> Result<usize, String> {
        if queues.is_empty() {
            return Ok(0);
        }
        let names: Vec<String> = queues.iter().map(|queue| query_literal(queue)).collect();
        let query = format!("ExecutionStatus = 'Running' AND TaskQueue IN ({})", names.join(", "));
        let (mut count, mut next) = (0, Vec::new());
        loop {
            let page = self.list(namespace, &query, PAGE, &next).await?;
            for execution in &page.executions {
                let run = RunRef {
                    namespace: namespace.to_owned(),
                    workflow_id: execution.workflow_id.clone(),
                    run_id: execution.run_id.clone(),
                };
                let request = ResetStickyRequest::on(&run);
                match self.call::<_, Ignored>("ResetStickyTaskQueue", request).await {
                    // The workflow has just ended.
                    Err(status) if status.code() == tonic::Code::NotFound => {}
                    done => _ = done.map_err(|status| describe(&status))?,
                }
                count += 1;
            }
            next = page.next;
            if next.is_empty() || count >= MOST {
                return Ok(count);
            }
        }
    }
}
