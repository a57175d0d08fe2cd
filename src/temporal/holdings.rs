//! All workflows on a server: what the end of the server would lose with its database.

use super::connection::words;
use super::health::Client;
use super::message;

/// A developer's machine has few; more are not counted in one look.
const NAMESPACES: i32 = 100;
/// The server's own.
const SYSTEM: &str = "temporal-system";

/// Workflows in all namespaces but the server's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Open now.
    pub running: u64,
    /// Closed and still kept.
    pub closed: u64,
}

impl Client {
    /// Counts the workflows of every namespace.
    ///
    /// # Errors
    /// What the server said, or that there is too much to count; then nothing is known.
    pub async fn holdings(&self) -> Result<Holdings, String> {
        let request = message::ListNamespacesRequest { page_size: NAMESPACES };
        let listed: message::ListNamespacesResponse =
            self.call("ListNamespaces", request).await.map_err(|s| words(&s))?;
        if !listed.next_page_token.is_empty() {
            return Err(format!("more than {NAMESPACES} namespaces"));
        }
        let mut found = Holdings::default();
        let names = listed.namespaces.into_iter().filter_map(|it| Some(it.namespace_info?.name));
        for namespace in names.filter(|name| name != SYSTEM) {
            let query = "GROUP BY ExecutionStatus".to_owned();
            let request = message::CountRequest { namespace, query };
            let counted: message::CountResponse =
                self.call("CountWorkflowExecutions", request).await.map_err(|s| words(&s))?;
            for group in counted.groups {
                let count = u64::try_from(group.count).unwrap_or(0);
                match group.status().as_deref() {
                    Some("Running" | "Paused") => {
                        found.running = found.running.saturating_add(count);
                    }
                    Some(_) | None => found.closed = found.closed.saturating_add(count),
                }
            }
        }
        Ok(found)
    }
}
