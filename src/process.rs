//! Unix processes: sessions, identities, locks, exits, sweeps and ports.
//!
//! This is the only module that signals processes. Its rule: **no process is signalled without
//! proof that it is ours**. Only [`identity::Proven`] can signal. It is created from an
//! [`identity::Identity`] that was compared with the process table *after* a pidfd pinned the
//! process. [`sweep::select`], a pure function over a process table, chooses the processes to
//! signal. ([`job`] stops only this process and its own job.)
//!
//! Linux only: procfs in [`linux`], [`open_files`], [`memory`] and [`usage`], `prlimit` in
//! [`descriptors`], pidfd in `pidfd`, [`identity`] and [`watch`], netlink under [`ports`],
//! `close_range` and the subreaper in [`spawn`]. The rest is plain Unix.

mod claims;
pub(crate) mod descriptors;
pub mod identity;
pub(crate) mod job;
pub mod linux;
pub mod lock;
pub(crate) mod look;
pub mod memory;
pub(crate) mod open_files;
mod pidfd;
pub mod ports;
pub mod record;
pub(crate) mod requirements;
mod sock_diag;
mod socket;
pub mod spawn;
pub(crate) mod sweep;
pub mod table;
pub(crate) mod threads;
pub mod trim;
pub mod usage;
pub mod watch;

/// A process id: an `i32`, as in the kernel's headers.
pub type Pid = i32;
