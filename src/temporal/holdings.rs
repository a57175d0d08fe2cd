//! Counts the workflows in all namespaces of a server. A loss of the database loses these
//! workflows.

use super::connection::describe;
use super::health::Client;
use super::message;
use super::workflows::StatusCounts;

/// Maximum number of namespaces whose workflows are counted. The machine of a developer has few.
const NAMESPACES: i32 = 100;
/// The namespace that Temporal uses itself. Its workflows are not counted.
const SYSTEM: &str = "temporal-system";

/// Numbers of workflows in all namespaces, except the namespace that Temporal uses itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Workflows that run or are paused.
    pub running: u64,
    /// Workflows that are closed and still in the database.
    pub closed: u64,
}

impl Client {
    /// Counts the workflows of every namespace of the server. `known` is a namespace whose workflows
    /// the caller has just counted: a count of 20,000 workflows costs the server 50 ms.
    ///
    /// # Errors
    /// The error of the server, or the server has more than 100 namespaces.
    pub async fn holdings(&self, known: Option<(&str, StatusCounts)>) -> Result<Holdings, String> {
        let request = message::ListNamespacesRequest { page_size: NAMESPACES };
        let listed: message::ListNamespacesResponse =
            self.call("ListNamespaces", request).await.map_err(|s| describe(&s))?;
        if !listed.next_page_token.is_empty() {
            return Err(format!("more than {NAMESPACES} namespaces"));
        }
        let mut found = Holdings::default();
        let names = listed.namespaces.into_iter().filter_map(|it| Some(it.namespace_info?.name));
        for namespace in names.filter(|name| name != SYSTEM) {
            let counts = match known.filter(|(name, _)| *name == namespace) {
                Some((_, counts)) => counts,
                None => self.count(&namespace, "").await?,
            };
            found.running = found.running.saturating_add(counts.open);
            found.closed = found.closed.saturating_add(counts.closed);
        }
        Ok(found)
    }
}
