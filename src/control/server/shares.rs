//! Limits for the number of connections, and for the number of requests that take long. Even if all
//! kinds of long requests reach their limits, at least one connection is free for another command.

use crate::protocol::ApiError;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of connections. Higher than any realistic number of viewers.
const CONNECTIONS_MAX: usize = 256;
/// Number of connections that is always allowed, even if the process may open only a few file
/// descriptors. Enough for the viewers of one developer.
const CONNECTIONS_MIN: usize = 16;
/// Number of file descriptors that are reserved for the host itself, including its connections over
/// TCP. An idle background host has 22 descriptors open.
const OWN_DESCRIPTORS: u64 = 64;

/// Maximum number of connections over TCP. Enough for a few metrics scrapers and health probes.
pub(super) const TCP_CONNECTIONS: usize = 16;

/// The limits for connections and for each kind of long request.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    pub(super) connections: usize,
    pub(super) streams: Share,
    pub(super) logs: Share,
    /// Requests that wait until the server is ready.
    pub(super) starts: Share,
    /// Requests that wait until the server has stopped. They have a limit of their own, so that a
    /// stop is possible even if the number of clients that wait for a start has reached its limit.
    /// The stop also ends the wait of those clients.
    pub(super) stops: Share,
}

impl Shares {
    /// Calculates the limits for a process that may open this many file descriptors.
    pub(super) fn of(descriptors: u64) -> Self {
        let left = usize::try_from(descriptors.saturating_sub(OWN_DESCRIPTORS));
        let connections = left.unwrap_or(usize::MAX).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
        Self {
            connections,
            streams: Share::new(connections / 2, "too_many_streams", "viewers are connected"),
            logs: Share::new(connections / 8, "too_many_requests", "clients read the log"),
            starts: Share::new(connections / 8, "too_many_requests", "clients wait for a start"),
            stops: Share::new(connections / 8, "too_many_requests", "clients wait for a stop"),
        }
    }
}

/// A limit for requests of one kind.
#[derive(Debug, Clone)]
pub(super) struct Share {
    most: usize,
    free: Arc<Semaphore>,
    code: &'static str,
    held_by: &'static str,
}

impl Share {
    fn new(most: usize, code: &'static str, held_by: &'static str) -> Self {
        Self { most, free: Arc::new(Semaphore::new(most)), code, held_by }
    }

    /// Reserves one request of this kind. The reservation ends when the returned permit is dropped.
    /// Fails if the limit is reached.
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.free.clone().try_acquire_owned().map_err(|_| {
            let message = format!("{} {}, which is the limit", self.most, self.held_by);
            ApiError::new(self.code, message, "close some of these connections")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keeps_descriptors_and_long_requests_leave_connections() {
        let expected = [(0, 16), (64, 16), (96, 32), (256, 192), (1024, 256), (u64::MAX, 256)];
        for (descriptors, connections) in expected {
            let shares = Shares::of(descriptors);
            assert_eq!(shares.connections, connections, "{descriptors}");
            let long = [&shares.streams, &shares.logs, &shares.starts, &shares.stops];
            let taken: usize = long.iter().map(|share| share.most).sum();
            assert!(taken < connections, "{taken} of {connections}");
        }
    }

    #[test]
    fn used_share_is_refused_until_it_is_released() {
        let share = Share::new(1, "too_many_streams", "viewers are connected");
        let permit = share.take().unwrap();
        assert_eq!(share.take().unwrap_err().code, "too_many_streams");
        drop(permit);
        assert!(share.take().is_ok());
    }
}
