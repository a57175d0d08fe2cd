//! Opens TCP connections to an address whose host may be a name. tokio resolves a name on a new
//! thread, and panics if the system cannot create a thread. This module resolves names on threads
//! that exist already.

use crate::process::threads::{LOOKS, Unfinished};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Connects to `HOST:PORT`. If the name has several addresses, uses the first address that accepts
/// the connection.
///
/// # Errors
/// `TimedOut` after `patience`, the error of the name lookup, or the error of the last address.
pub async fn connect(address: &str, patience: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + patience;
    let resolved = resolve(address, patience).await?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name resolves to no address");
    for (tried, address) in resolved.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        // Each address gets an equal part of the remaining time, so that no address uses all of it.
        let share = left / u32::try_from(resolved.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = timed_out(&format!("no connection within {patience:?}")),
        }
    }
    Err(last)
}

/// Looks up the addresses of `HOST:PORT`.
async fn resolve(address: &str, patience: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = address.parse() {
        return Ok(vec![address]);
    }
    if is_blocked(address) {
        return Err(timed_out("the name server does not respond"));
    }
    let under_way = Arc::new(());
    let _lookup = Lookup { address: address.to_owned(), under_way: Arc::downgrade(&under_way) };
    let name = address.to_owned();
    let job = move || {
        let _under_way = under_way;
        addresses(&name)
    };
    match LOOKS.run(patience, job).await {
        Ok(found) => found,
        Err(Unfinished::Overdue(_)) => Err(timed_out("the name server does not respond")),
        // A stigmer command, unlike a host, creates no threads in advance. The command looks up the
        // name on the current thread, which has nothing else to do.
        Err(Unfinished::NoThread { abandoned: 0, .. }) => addresses(address),
        Err(Unfinished::NoThread { source, .. }) => Err(source),
        Err(error @ Unfinished::Panicked(_)) => Err(io::Error::other(error.to_string())),
    }
}

fn addresses(address: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(address.to_socket_addrs()?.collect())
}

fn timed_out(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// A name lookup that runs on a thread. If this value is dropped before the lookup has returned,
/// other lookups of the same address fail until it returns. So each address blocks one thread at
/// most.
struct Lookup {
    address: String,
    under_way: Weak<()>,
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if self.under_way.strong_count() > 0 {
            all_blocked().push((std::mem::take(&mut self.address), self.under_way.clone()));
        }
    }
}

/// The addresses whose lookup was abandoned and still runs. The weak pointer of an address can be
/// upgraded until its lookup returns.
fn all_blocked() -> MutexGuard<'static, Vec<(String, Weak<()>)>> {
    static BLOCKED: Mutex<Vec<(String, Weak<()>)>> = Mutex::new(Vec::new());
    BLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_blocked(address: &str) -> bool {
    let mut blocked = all_blocked();
    blocked.retain(|(_, under_way)| under_way.strong_count() > 0);
    blocked.iter().any(|(known, _)| known == address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::threads::tests::without_threads;
    use crate::temporal::health::Client;

    #[test]
    fn name_is_resolved_without_a_new_thread() {
        if !without_threads("temporal::dial::tests::name_is_resolved_without_a_new_thread") {
            return;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let patience = Duration::from_secs(30);
            let address = format!("localhost:{port}");
            connect(&address, patience).await.unwrap();
            drop(listener);
            let refused = connect(&address, patience).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            let refused = Client::new(&address, patience).unwrap().serving().await.unwrap_err();
            assert!(refused.contains("Connection refused"), "{refused}");
        });
    }

    #[test]
    fn abandoned_lookup_blocks_further_lookups_of_its_address() {
        let under_way = Arc::new(());
        let lookup = || Lookup { address: "name:1".into(), under_way: Arc::downgrade(&under_way) };
        assert!(!is_blocked("name:1"));
        drop(lookup());
        assert!(is_blocked("name:1") && !is_blocked("name:2"));
        drop(under_way);
        assert!(!is_blocked("name:1"));
    }
}
