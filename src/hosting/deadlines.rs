//! Time limits of waits for a host or server, and pauses between two attempts, with their reasons.

use std::time::Duration;

/// Time limit for a host to end after a request. A host ends within milliseconds of its server.
/// Also the time limit for a killed process to end, and the time after which `stop` ends a process
/// that holds the host lock without a socket.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// Time from SIGTERM to SIGKILL for a host that does not respond. A server takes 1.1 s to stop.
pub(super) const TERMINATING: Duration = Duration::from_secs(2);

/// Time limit of a command to find the server of a home. This takes milliseconds, or seconds if a
/// file system or process hangs.
pub(super) const LOOKING: Duration = Duration::from_secs(15);

/// Time limit after the grace period of a stop, to kill the remaining processes of the server and
/// to prove that none is left.
pub(super) const KILLING: Duration = Duration::from_secs(10);

/// Time limit for a host that starts or ends (it has its lock, but no socket) to respond or to be
/// gone. Both normally take milliseconds, and longer on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// [`SETTLING`] for a dashboard. It is shorter, because a person waits.
pub(super) const SETTLING_ON_SCREEN: Duration = Duration::from_secs(5);

/// Time that a viewer whose host has ended gives the next host to respond.
pub const REPLACED: Duration = Duration::from_secs(1);

/// Time limit for a host that replaces a dead host to get the lock. The kernel may report the death
/// (by the end of a pipe) before it releases the lock of the dead host.
pub(super) const DYING: Duration = Duration::from_secs(1);

/// Time limit for a host to restore a deleted home. A host normally does this within a second.
pub(super) const RESTORED: Duration = Duration::from_secs(3);

/// Time limit for a new host to adopt the server of its home. It starts when the host has the lock.
pub(super) const ADOPTION: Duration = Duration::from_secs(5);

/// Pause between two checks of a host that starts or ends. Both normally take milliseconds.
pub(super) const START_PAUSE: Duration = Duration::from_millis(2);

/// Pause between two attempts to find or become the host, while a host starts or ends.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// Pause between two checks of the home. In a check, a host tests whether its lock and socket are
/// still there. A check reads the metadata of two files.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Time limit of one check of the home by its host. A check takes up to 2 s if other processes
/// request the lock all the time.
///
/// If the disk of the home hangs, a host needs up to 50 s in total to leave the home. The host
/// waits up to 5 s for its last check. If it watches no server, it searches for one, for up to
/// 20 s. A second signal does not end that search. If a sweep (the search for all processes of a
/// server) hangs, the host waits up to 25 s for it (`unit::sweeps`).
pub(super) const CHECK: Duration = Duration::from_secs(5);

/// Pause between two checks of a host that waits for its lock or for another host.
pub(super) const KEEPER_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two checks whether a home was restored.
pub(super) const RESTORED_PAUSE: Duration = Duration::from_millis(20);

/// Time limit for a process that has just taken the lock to determine its own identity.
pub(super) const IDENTIFYING: Duration = Duration::from_millis(100);

/// Time limit for a health check by a command, of a server without a host.
pub(super) const SERVING: Duration = Duration::from_secs(1);

/// Minimum uptime of a host that is replaced after a panic. A host that panics earlier probably
/// fails because of the state that it found at its start, and the next host would fail too.
pub(super) const STABLE: Duration = Duration::from_secs(10);

/// Pauses before a further background host is started, after one that ended at once.
pub(super) const NEXT_HOST_PAUSES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// Time from the start of a background host until it returns unused memory to the kernel. The start
/// of the server is normally complete by then.
pub(super) const FIRST_TRIM: Duration = Duration::from_secs(5);

/// Time between two returns of unused memory to the kernel. Each one costs some hundred page
/// faults.
pub(super) const TRIM: Duration = Duration::from_secs(600);

/// Time limit to count the workflows that a stop would lose. A count normally takes milliseconds.
pub(super) const COUNTING: Duration = Duration::from_secs(2);
