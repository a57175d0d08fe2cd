//! Restart policy: limit, delay, jitter.

use super::{Cause, Want};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// After this time in `ready`, the next crash counts as the first crash.
const STABLE: Duration = Duration::from_secs(30);

/// An exit with code 0 may be caused by a shutdown signal that reaches the host a moment later. The
/// wait gives that signal priority.
const EXITED_PAUSE: Duration = Duration::from_millis(250);

/// Upper limit of the adopt timeout, for any probe options.
const LONGEST_ADOPTION: Duration = Duration::from_secs(3600);

/// The second delay. The first restart is immediate; each later delay doubles.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// Minimum delay between two tries for a missing resource, for any `backoff_max`.
const RESOURCE_PAUSE: Duration = Duration::from_secs(1);

/// The limits of supervision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Maximum time from spawn to ready.
    pub start_timeout: Duration,
    /// Time from SIGTERM to SIGKILL.
    pub stop_grace: Duration,
    /// Number of failed rounds in a row that end a generation.
    pub failure_threshold: u32,
    /// Minimum time that these failed rounds span. Zero, except for a database in memory, where a
    /// restart loses all data.
    pub failure_span: Duration,
    /// Time between two rounds.
    pub probe_period: Duration,
    /// Time limit of one check.
    pub probe_timeout: Duration,
    /// Maximum number of automatic restarts within the window.
    pub max_restarts: u32,
    /// Length of the window.
    pub restart_window: Duration,
    /// Upper limit of the delay before an automatic restart.
    pub backoff_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            start_timeout: Duration::from_secs(30),
            stop_grace: Duration::from_secs(15),
            failure_threshold: 3,
            failure_span: Duration::ZERO,
            probe_period: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
            max_restarts: 5,
            restart_window: Duration::from_secs(60),
            backoff_max: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// Time that a server that was found running has until it is healthy: the same as a server that
    /// was healthy before.
    #[must_use]
    pub fn adopt_timeout(&self) -> Duration {
        self.halt_timeout().max(self.failure_span).min(LONGEST_ADOPTION)
    }

    /// Time that a starting server may be stopped by a signal: the same as a ready server may be
    /// unresponsive.
    pub(super) fn halt_timeout(&self) -> Duration {
        self.probe_period
            .saturating_mul(self.failure_threshold)
            .saturating_add(self.probe_timeout)
            .min(LONGEST_ADOPTION)
    }

    /// Maximum time between the ends of two rounds.
    pub(super) fn longest_round(&self) -> Duration {
        self.probe_period + self.probe_timeout
    }
}

/// The restart window and the current delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Times of automatic spawns, oldest first. Pruned in `next_delay`.
    spawns: VecDeque<Instant>,
    /// Automatic restarts since the server was last ready for [`STABLE`].
    in_a_row: u32,
    jitter: u64,
}

/// The state that a hand-over carries from the supervisor of one host to that of the next. Times
/// are ages, because the clocks of two processes differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The operator's intent.
    pub want: Want,
    /// Ages of automatic spawns, oldest first.
    pub(super) spawns_ago_ms: Vec<u64>,
    pub(super) in_a_row: u32,
    /// Set if the state is backoff.
    pub(super) waiting: Option<Waiting>,
}

/// A delayed spawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) since_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) cause: Cause,
    pub(super) detail: String,
    #[serde(default = "counts")]
    pub(super) counts: bool,
}

/// The default for files of older hosts: every delayed spawn counts.
fn counts() -> bool {
    true
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self { spawns: VecDeque::new(), in_a_row: 0, jitter: seed }
    }

    /// The ages of the automatic spawns, in milliseconds.
    pub(super) fn spawns_ago(&self, now: Instant) -> Vec<u64> {
        self.spawns.iter().map(|at| millis(now.saturating_duration_since(*at))).collect()
    }

    /// Continues the counts of another process. Its ages are relative to `then`.
    pub(super) fn resume(&mut self, checkpoint: &Checkpoint, then: Instant) {
        let at = |&ms: &u64| then.checked_sub(Duration::from_millis(ms));
        self.spawns = checkpoint.spawns_ago_ms.iter().filter_map(at).collect();
        self.in_a_row = checkpoint.in_a_row;
    }

    /// Automatic restarts within the window.
    #[must_use]
    pub fn in_window(&self, policy: &Policy, now: Instant) -> usize {
        let inside = |at: &&Instant| now.saturating_duration_since(**at) < policy.restart_window;
        self.spawns.iter().filter(inside).count()
    }

    /// Automatic restarts since the server was last stable.
    #[must_use]
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    pub(super) fn clear(&mut self) {
        self.spawns.clear();
        self.in_a_row = 0;
    }

    /// Notes that a generation was ready for this long.
    pub(super) fn credit(&mut self, ready: Duration) {
        if ready >= STABLE {
            self.in_a_row = 0;
        }
    }

    /// Counts an automatic spawn at `now`.
    pub(super) fn record(&mut self, now: Instant) {
        self.spawns.push_back(now);
    }

    /// The delay before the next automatic restart, or none if the limit is reached. The limit is
    /// checked here and the spawn is counted in [`Self::record`]. A spawn never precedes its
    /// decision, so the limit holds in every window.
    pub(super) fn next_delay(
        &mut self,
        policy: &Policy,
        cause: Cause,
        now: Instant,
    ) -> Option<Duration> {
        while let Some(oldest) = self.spawns.front()
            && now.saturating_duration_since(*oldest) >= policy.restart_window
        {
            self.spawns.pop_front();
        }
        if self.spawns.len() >= policy.max_restarts as usize {
            return None;
        }
        let jittered = self.backoff(policy);
        Some(match cause {
            Cause::Exited => jittered.max(EXITED_PAUSE),
            Cause::Operator
            | Cause::Crash
            | Cause::Unresponsive
            | Cause::StartTimeout
            | Cause::SpawnFailed
            | Cause::Shutdown => jittered,
        })
    }

    /// The delay before the next try of a start that lacks a resource. It is at least
    /// [`RESOURCE_PAUSE`], and the number of tries is unlimited.
    pub(super) fn resource_delay(&mut self, policy: &Policy) -> Duration {
        self.backoff(policy).max(RESOURCE_PAUSE)
    }

    /// The next delay, without the restart limit.
    pub(super) fn backoff(&mut self, policy: &Policy) -> Duration {
        let base = match self.in_a_row {
            0 => Duration::ZERO,
            n => FIRST_DELAY.saturating_mul(1 << (n - 1).min(20)).min(policy.backoff_max),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        base.mul_f64(0.8 + 0.4 * self.next_fraction()).min(policy.backoff_max)
    }

    /// A number in `0.0..1.0` from splitmix64. It only has to spread the restarts of several homes.
    fn next_fraction(&mut self) -> f64 {
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Whole milliseconds, for data that crosses a process boundary.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
