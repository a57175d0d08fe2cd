//! The limit of requests to a server: pauses after requests, and descriptions per minute.
//!
//! Apart from a credit for the first samples, a request is followed by a pause of [`REST`] times its
//! duration, so that the server spends about 4 % of its time on stigmer, also when the server is slow.
//! At most [`DESCRIBES`] workflows are described per minute.

use super::request::SampleRequest;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a request, as a multiple of the duration of the request.
const REST: u32 = 24;
/// Total duration of requests that may be sent without a pause, so that the first samples are complete
/// at once. Pauses that are longer than necessary restore this credit.
const CREDIT: Duration = Duration::from_millis(300);
/// The longest pause after a request.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// Descriptions of workflows per minute.
pub(super) const DESCRIBES: usize = 40;
/// Of these, descriptions of workflows that were not described before.
const NEW: usize = 20;
/// Of these, descriptions of workflows that were described before.
const AGAIN: usize = 14;
/// The length of the window of [`DESCRIBES`].
const MINUTE: Duration = Duration::from_secs(60);
/// The pause after a failed request. Each further failure in a row doubles the pause, up to 16 times.
const FAILED_REST: Duration = Duration::from_secs(2);

/// The limit of requests to a server. All namespaces of the server share one budget.
#[derive(Debug)]
pub struct Budget {
    /// When the pauses for all requests so far end.
    paid: Instant,
    /// The earliest time for a request after a failed request.
    retry: Instant,
    /// Number of failed requests in a row.
    errors: u32,
    /// The descriptions of workflows within the last minute: the time, and whether the workflow was
    /// described before.
    described: VecDeque<(Instant, bool)>,
}

impl Budget {
    /// Creates a budget from which nothing is spent.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { paid: now, retry: now, errors: 0, described: VecDeque::new() }
    }

    /// Records a request. `took` is the duration of the request.
    pub fn spend(&mut self, request: &SampleRequest, is_ok: bool, took: Duration, now: Instant) {
        if let SampleRequest::Run { again, .. } = request {
            self.described.push_back((now, *again));
        }
        self.errors = if is_ok { 0 } else { self.errors.saturating_add(1) };
        self.was_busy(took, now);
        if let Some(more) = self.errors.checked_sub(1) {
            self.retry = now + FAILED_REST * 2_u32.pow(more.min(4));
        }
    }

    /// Takes note that the server was busy for this time.
    pub(super) fn was_busy(&mut self, took: Duration, now: Instant) {
        self.paid = self.paid.max(now) + (took * REST).min(LONGEST_REST);
    }

    /// The time before which no request may be sent. `None` if a request may be sent now.
    pub(super) fn pause(&self, now: Instant) -> Option<Instant> {
        let credit = CREDIT * REST;
        let paid = (now + credit < self.paid).then(|| self.paid - credit);
        paid.into_iter().chain((now < self.retry).then_some(self.retry)).max()
    }

    /// Whether a workflow may be described that comes before all others. Some descriptions of each
    /// minute are kept for these workflows.
    pub(super) fn may_describe_first(&mut self, now: Instant) -> bool {
        while self.described.front().is_some_and(|(at, _)| now.duration_since(*at) >= MINUTE) {
            self.described.pop_front();
        }
        self.described.len() < DESCRIBES
    }

    /// Whether a workflow may be described. `again`: it was described before.
    pub(super) fn may_describe(&mut self, again: bool, now: Instant) -> bool {
        let has_room = self.may_describe_first(now);
        let of_kind = self.described.iter().filter(|(_, it)| *it == again).count();
        has_room && of_kind < if again { AGAIN } else { NEW }
    }
}
