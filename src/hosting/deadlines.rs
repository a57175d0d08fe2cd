//! Time limits of all waits for a host or server, and pauses between two looks, with their reasons.

use std::time::Duration;

/// For a host to end after a request: it ends within milliseconds of its server. Also for a killed
/// process to end, and for a host lock without a socket before `stop` ends the holder.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// Between SIGTERM and SIGKILL to a host that does not respond. A server takes 1.1 s to stop.
pub(super) const TERMINATING: Duration = Duration::from_secs(2);

/// For a command to find the server of a home: milliseconds, and seconds if something hangs.
pub(super) const LOOKING: Duration = Duration::from_secs(15);

/// After the grace period of a server: to kill its remaining processes, and to prove that none is left.
pub(super) const KILLING: Duration = Duration::from_secs(10);

/// For a spawned host, or a host with its lock and without a socket, to respond or to end. Both take
/// milliseconds, and longer on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// [`SETTLING`] for a dashboard, which is shorter because a person waits.
pub(super) const SETTLING_ON_SCREEN: Duration = Duration::from_secs(5);

/// For a viewer that has lost its host: the next host responds within this time.
pub const REPLACED: Duration = Duration::from_secs(1);

/// For a resumed host to get the lock: the kernel may close the pipe of a dead host before it releases
/// the lock.
pub(super) const DYING: Duration = Duration::from_secs(1);

/// For a host to restore a deleted home, which it does within a second.
pub(super) const RESTORED: Duration = Duration::from_secs(3);

/// For a new host to adopt the server of its home, from the moment when it has the lock.
pub(super) const ADOPTION: Duration = Duration::from_secs(5);

/// Between two looks of a start, which is ready within milliseconds.
pub(super) const START_PAUSE: Duration = Duration::from_millis(2);

/// Between two looks for a host that starts or ends.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// Between two checks of the paths of a home by its host. Each check reads the metadata of two files.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// For one such check. It waits for 2 s if other processes request the lock all the time. A host that
/// leaves completes its check first, so it leaves a home that hangs after this time. If a sweep hangs
/// too, the host waits for the sweep for up to 25 s (`unit::sweeps`). A host that watches no server
/// searches for one in between, for up to 20 s: 50 s in all. A second signal does not end the search.
pub(super) const CHECK: Duration = Duration::from_secs(5);

/// Between two looks of a host that must be the host of its home before it acts.
pub(super) const KEEPER_PAUSE: Duration = Duration::from_millis(50);

/// Between two looks for a restored home.
pub(super) const RESTORED_PAUSE: Duration = Duration::from_millis(20);

/// For a process that has just taken a lock to write its identity into it.
pub(super) const IDENTIFYING: Duration = Duration::from_millis(100);

/// For the response of a server without a host to a command.
pub(super) const SERVING: Duration = Duration::from_secs(1);

/// A host that lived for this long did not fail by the state that it found at its start.
pub(super) const STABLE: Duration = Duration::from_secs(10);

/// Before the next background host is spawned, after one that ended at once.
pub(super) const NEXT_HOST_PAUSES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// From the start of a background host until it returns unused memory. The start of the server is normally complete.
pub(super) const FIRST_TRIM: Duration = Duration::from_secs(5);

/// Between two returns of unused memory. Each one costs some hundred page faults.
pub(super) const TRIM: Duration = Duration::from_secs(600);

/// For a count of the workflows that a stop would lose. It normally takes milliseconds.
pub(super) const COUNTING: Duration = Duration::from_secs(2);
