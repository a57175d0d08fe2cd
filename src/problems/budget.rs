//! The limit of requests to a server: pauses after requests, and descriptions per minute.
//!
//! Apart from a credit for the first samples, a request is followed by a pause of [`REST`] times its
//! duration, so that the server spends about 4 % of its time on stigmer, also when the server is slow.
//! At most [`DESCRIBES`] workflows are described per minute.

use super::request::{DescribePurpose, SampleRequest};
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
/// Of these, descriptions that are kept for the workflows that come before all others.
const RESERVE: usize = 6;
/// The length of the window of [`DESCRIBES`].
const MINUTE: Duration = Duration::from_secs(60);
/// A worker does the work of a replay, not the server. So a longer replay counts as this time, and a
/// failed one is no failure of the server.
const REPLAY: Duration = Duration::from_millis(40);
/// The pause after a failed request. Each further failure in a row doubles the pause, up to 16 times.
const FAILED_REST: Duration = Duration::from_secs(2);

impl DescribePurpose {
    const ALL: [Self; 3] = [Self::New, Self::Shown, Self::Again];

    /// Descriptions per minute: the usual share, and the maximum while the others do not need their
    /// shares.
    fn share(self) -> (usize, usize) {
        match self {
            Self::New => (20, 20),
            Self::Shown => (6, 20),
            Self::Again => (8, 14),
        }
    }
}

/// The limit of requests to a server. All namespaces of the server share one budget.
#[derive(Debug)]
pub struct Budget {
    /// When the pauses for all requests so far end.
    paid: Instant,
    /// The earliest time for a request after a failed request.
    retry: Instant,
    /// Number of failed requests in a row.
    errors: u32,
    /// The descriptions of workflows within the last minute.
    described: VecDeque<(Instant, DescribePurpose)>,
}

impl Budget {
    /// Creates a budget from which nothing is spent.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { paid: now, retry: now, errors: 0, described: VecDeque::new() }
    }

    /// Records a request. `took` is the duration of the request.
    pub fn spend(&mut self, request: &SampleRequest, is_ok: bool, took: Duration, now: Instant) {
        if let SampleRequest::Replay { .. } = request {
            self.was_busy(took.min(REPLAY), now);
            return;
        }
        if let SampleRequest::Run { purpose, .. } = request {
            self.described.push_back((now, *purpose));
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

    /// Whether a workflow may be described for this purpose. Above its share, a purpose gets half of what the
    /// other purposes leave, so that they do not wait long when they need their shares.
    pub(super) fn may_describe(&mut self, purpose: DescribePurpose, now: Instant) -> bool {
        if !self.may_describe_first(now) {
            return false;
        }
        let used = |it: DescribePurpose| self.described.iter().filter(|(_, of)| *of == it).count();
        let (share, most) = purpose.share();
        let others = DescribePurpose::ALL.into_iter().filter(|it| *it != purpose);
        let left: usize = others.map(|it| it.share().0.saturating_sub(used(it))).sum();
        let used = used(purpose);
        let kept = if used < share { 0 } else { left / 2 };
        used < most && self.described.len() + kept < DESCRIBES - RESERVE
    }
}
