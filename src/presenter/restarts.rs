//! Creates the views of the automatic restarts and of the current failure.

use super::{Now, last, millis};
use crate::protocol::{START_HINT, State};
use stigmer_ui::model::{FailureView, RestartLimit, RestartsView};

pub(super) fn restarts(now: Now<'_>) -> RestartsView {
    let status = now.status();
    let options = &status.options.values;
    RestartsView {
        total: status.restarts.total,
        in_window: u32::try_from(status.restarts.in_window).unwrap_or(u32::MAX),
        limit: options
            .max_restarts
            .zip(options.restart_window)
            .map(|(max, window)| RestartLimit { max, window_ms: millis(window) }),
        last: last::last(now.snapshot, now.older, jiff::Timestamp::now()),
    }
}

pub(super) fn failure(now: Now<'_>) -> Option<FailureView> {
    let (status, snapshot) = (now.status(), now.snapshot);
    let key = if now.is_not_stopped() { "x" } else { "s" };
    (status.state == State::Failed && !now.is_unwatched()).then(|| FailureView {
        cause: status.message.clone(),
        last_words: snapshot.last_words.clone(),
        hints: std::iter::once(format!("{key}  try again"))
            // Leave out this hint, because the first line (`try again`) has the same meaning.
            .chain(snapshot.hint.clone().filter(|hint| hint != START_HINT))
            .chain(snapshot.next_start_ms.map(|_| "stigmer retries the start".to_owned()))
            .collect(),
    })
}
