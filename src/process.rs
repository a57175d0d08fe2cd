//! Unix: sessions, identities, locks, exits, sweeps and ports.
//!
//! The only folder that knows processes. Its rule: **nothing is signalled that
//! is not proven ours**. [`identity::Proven`] is the only thing that can signal,
//! and it is made only from an [`identity::Identity`] that was compared with the
//! kernel's answer *after* a pidfd pinned the process. What to signal is chosen
//! by [`sweep::select`], a pure function over a process table. ([`job`] stops
//! and knows only ourselves.)
//!
//! What only Linux has: procfs in [`linux`], [`open_files`], [`memory`] and [`usage`], `prlimit`
//! in [`descriptors`], pidfd in `pidfd`, [`identity`] and [`watch`], netlink under [`ports`], `close_range`
//! and the subreaper in [`spawn`]. The rest is plain Unix.

pub mod descriptors;
pub mod identity;
pub mod job;
pub mod linux;
pub mod lock;
pub mod look;
pub mod memory;
pub mod open_files;
mod pidfd;
pub mod ports;
pub mod record;
pub mod requirements;
mod sock_diag;
mod socket;
pub mod spawn;
pub mod sweep;
pub mod table;
pub mod threads;
pub mod trim;
pub mod usage;
pub mod watch;

/// A process number. `i32`, as the kernel's headers have it.
pub type Pid = i32;
