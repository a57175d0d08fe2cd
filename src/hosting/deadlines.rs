//! How long a process waits for a host, and why.

use std::time::Duration;

/// For a host to end that was asked to: it ends within milliseconds of its server. Also for a
/// process that was killed, and for a lock that is held without a socket before `stop` ends its
/// holder.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// Between SIGTERM and SIGKILL to a host that does not respond. A server takes 1.1 s to stop.
pub(super) const TERMINATING: Duration = Duration::from_secs(2);

/// For a command to find the server of a home: milliseconds, and seconds if something hangs.
pub(super) const LOOKING: Duration = Duration::from_secs(15);

/// After the grace period of a server: to kill the processes that are left, and to prove that none is.
pub(super) const KILLING: Duration = Duration::from_secs(10);

/// For a host that was spawned, or that holds its lock without a socket, to respond or to end: both
/// take milliseconds, and longer on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// The same for a dashboard: a person waits for it.
pub(super) const SETTLING_ON_SCREEN: Duration = Duration::from_secs(5);

/// For a viewer that has lost its host: a host that is replaced by another is back within this time.
pub const REPLACED: Duration = Duration::from_secs(1);

/// For a resumed host to get the lock: the pipe of a dead host may be closed a moment before its lock
/// is free.
pub(super) const DYING: Duration = Duration::from_secs(1);

/// For a host to restore a deleted home, which it does within a second.
pub(super) const RESTORED: Duration = Duration::from_secs(3);

/// For a new host to adopt the server of its home, from the moment when it has the lock.
pub(super) const ADOPTION: Duration = Duration::from_secs(5);

/// Between two looks of a start, which is ready within milliseconds.
pub(super) const START_PAUSE: Duration = Duration::from_millis(2);

/// Between two looks for a host that starts or ends.
pub(super) const PAUSE: Duration = Duration::from_millis(5);
