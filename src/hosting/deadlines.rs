//! Time limits of waits for a host or a server, and pauses between two attempts.

use std::time::Duration;

/// Time limit for a host to end after a request. A host ends within milliseconds after its server.
/// Also the time limit for a killed process to end, and the time after which `stop` ends a process
/// that holds the host lock but has no socket.
pub(super) const LEAVING: Duration = Duration::from_secs(5);

/// Time from SIGTERM to SIGKILL for a host that does not respond. The host first stops its server,
/// which takes 1.1 s.
pub(super) const TERMINATING: Duration = Duration::from_secs(2);

/// Time limit of a command to find the server of a home. The search takes milliseconds, or seconds
/// if a file system or a process hangs.
pub(super) const LOOKING: Duration = Duration::from_secs(15);

/// Time limit of a stop after its grace period. In this time, the remaining processes of the server
/// are killed, and a search checks that none is left.
pub(super) const KILLING: Duration = Duration::from_secs(10);

/// Time limit for a host that is starting or ending. Such a host has its lock, but no socket. A
/// start or end normally takes milliseconds, and longer on a busy machine.
pub(super) const SETTLING: Duration = Duration::from_secs(10);

/// The same time limit as [`SETTLING`], but for a dashboard: shorter, because a person waits.
pub(super) const SETTLING_ON_SCREEN: Duration = Duration::from_secs(5);

/// Time that a viewer waits for the next host to respond, after the previous host has ended.
pub const REPLACED: Duration = Duration::from_secs(1);

/// Time limit to get the host lock, for a host that replaces a dead host. The kernel may report the
/// death (through a closed pipe) before it releases the lock of the dead host.
pub(super) const DYING: Duration = Duration::from_secs(1);

/// Time limit for a host to restore a deleted home. A host normally does this within a second.
pub(super) const RESTORED: Duration = Duration::from_secs(3);

/// Time limit for a new host to adopt the server of its home. It starts when the host has the lock.
pub(super) const ADOPTION: Duration = Duration::from_secs(5);

/// Pause between two checks of a host that is starting or ending. A start or end normally takes
/// milliseconds.
pub(super) const START_PAUSE: Duration = Duration::from_millis(2);

/// Pause between two attempts to find or become the host, while another host is starting or ending.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// Pause between two checks of the home. In each check, a host tests whether its lock file and its
/// socket still exist. A check reads the metadata of two files.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Time limit of one check of the home by its host. A check takes up to 2 s if other processes
/// request the lock all the time.
///
/// If the disk of the home hangs, a host needs up to 50 s to end: up to 5 s for its last check; up
/// to 20 s for a search for a server, if the host watches no server (a second signal does not end
/// that search); and up to 25 s for the search for processes of the server, if that search hangs
/// (`unit::sweeps`).
pub(super) const CHECK: Duration = Duration::from_secs(5);

/// Pause between two checks by a host that waits until its lock is free or until another host has
/// adopted the server.
pub(super) const KEEPER_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two checks whether a home was restored.
pub(super) const RESTORED_PAUSE: Duration = Duration::from_millis(20);

/// Time limit for a process that has just taken the host lock to read its own identity (such as its
/// start time) from the kernel.
pub(super) const IDENTIFYING: Duration = Duration::from_millis(100);

/// Time limit for a command to check the health of a server without a host.
pub(super) const SERVING: Duration = Duration::from_secs(1);

/// Minimum uptime after which a host that panics is replaced. If a host panics earlier, the cause
/// is probably the state that the host found at its start, and the next host would panic too.
pub(super) const STABLE: Duration = Duration::from_secs(10);

/// Pauses before the second and later attempts to start a background host, if the previous one
/// ended at once.
pub(super) const NEXT_HOST_PAUSES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];

/// Time from the start of a background host until it returns unused memory to the kernel. The start
/// of the server is normally complete by then.
pub(super) const FIRST_TRIM: Duration = Duration::from_secs(5);

/// Time between two returns of unused memory to the kernel. Each return causes some hundred page
/// faults.
pub(super) const TRIM: Duration = Duration::from_secs(600);

/// Time limit to count the workflows that a stop would lose. A count normally takes milliseconds.
pub(super) const COUNTING: Duration = Duration::from_secs(2);
