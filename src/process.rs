//! Works on Unix processes: identities, sessions, locks, exits, sweeps and ports.
//!
//! This is the only module that sends signals. Its rule: **no process is signalled without proof
//! that it is ours**, that is, part of a server or host of stigmer. Signals are sent only through
//! [`identity::Proven`]. A value of this type has a pidfd of the process, and its
//! [`identity::Identity`] was compared with the process table *after* the pidfd was opened.
//! [`sweep::select`], a pure function over a process table, chooses the processes of a server that
//! are signalled. The only exception is [`job`], which stops this process and its own job.
//!
//! Code for Linux only: procfs in [`linux`], [`open_files`], [`memory`] and [`usage`], `prlimit` in
//! [`descriptors`], pidfd in `pidfd`, [`identity`] and [`watch`], netlink under [`ports`] and
//! [`clients`],
//! `close_range` and the subreaper in [`spawn`]. The rest works on any Unix.

pub(crate) mod claims;
pub(crate) mod clients;
pub(crate) mod descriptors;
pub mod environment;
pub(crate) mod forked;
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
