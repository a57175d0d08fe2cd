//! Problems that the user dismissed on this dashboard.

use std::time::{Duration, Instant};
use stigmer_ui::DismissRequest;
use stigmer_ui::model::ProblemRow;

/// The age of a problem is imprecise by up to this time.
const IMPRECISION: Duration = Duration::from_secs(2);

/// The dismissed problems, by request.
#[derive(Debug, Clone, Default)]
pub struct Dismissed {
    requests: Vec<Vec<DismissedRow>>,
}

#[derive(Debug, Clone)]
struct DismissedRow {
    id: String,
    run_id: Option<String>,
    at: Instant,
}

impl DismissedRow {
    fn of(row: &ProblemRow) -> Self {
        Self { id: row.id.clone(), run_id: row.run_id.clone(), at: Instant::now() }
    }

    /// Whether `row` is still the dismissed problem. A further workflow with the same problem, or a
    /// problem that ended and began again, must be shown.
    fn is(&self, row: &ProblemRow) -> bool {
        let is_same = match (&self.run_id, row.since_ms) {
            (Some(_), _) => self.run_id == row.run_id,
            (None, Some(age)) => Duration::from_millis(age) + IMPRECISION >= self.at.elapsed(),
            (None, None) => true,
        };
        self.id == row.id && is_same
    }
}

impl Dismissed {
    /// Performs a request. `shown` are the problems on the screen.
    pub fn handle(&mut self, request: &DismissRequest, shown: &[ProblemRow]) {
        let rows = |is_chosen: &dyn Fn(&ProblemRow) -> bool| {
            shown.iter().filter(|row| is_chosen(row)).map(DismissedRow::of).collect()
        };
        match request {
            DismissRequest::One(id) => self.requests.push(rows(&|row| row.id == *id)),
            DismissRequest::All => self.requests.push(rows(&|_| true)),
            DismissRequest::Undo => _ = self.requests.pop(),
        }
    }

    fn hides(&self, row: &ProblemRow) -> bool {
        self.requests.iter().flatten().any(|dismissed| dismissed.is(row))
    }

    /// Returns the number of dismissed problems among `rows`.
    pub(super) fn count(&self, rows: &[ProblemRow]) -> usize {
        rows.iter().filter(|row| self.hides(row)).count()
    }

    /// Returns the problems that are not dismissed.
    pub(super) fn filter(&self, rows: Vec<ProblemRow>) -> Vec<ProblemRow> {
        rows.into_iter().filter(|row| !self.hides(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> ProblemRow {
        ProblemRow { id: id.into(), ..ProblemRow::default() }
    }

    #[test]
    fn undo_shows_the_problems_of_the_latest_request() {
        let all = [row("a"), row("b"), row("c")];
        let mut dismissed = Dismissed::default();
        let shown = |dismissed: &Dismissed| -> Vec<String> {
            let shown = dismissed.filter(all.to_vec());
            assert_eq!(shown.len() + dismissed.count(&all), all.len());
            shown.into_iter().map(|row| row.id).collect()
        };
        dismissed.handle(&DismissRequest::One("b".into()), &all);
        assert_eq!(shown(&dismissed), ["a", "c"]);
        dismissed.handle(&DismissRequest::All, &dismissed.clone().filter(all.to_vec()));
        assert!(shown(&dismissed).is_empty());
        dismissed.handle(&DismissRequest::Undo, &[]);
        assert_eq!(shown(&dismissed), ["a", "c"]);
        dismissed.handle(&DismissRequest::Undo, &[]);
        assert_eq!(shown(&dismissed), ["a", "b", "c"]);
    }

    #[test]
    fn further_workflow_and_further_occurrence_are_shown_again() {
        let run = |run_id: &str| ProblemRow { run_id: Some(run_id.into()), ..row("failed") };
        let since = |since_ms| ProblemRow { since_ms: Some(since_ms), ..row("no worker") };
        let mut dismissed = Dismissed::default();
        dismissed.handle(&DismissRequest::All, &[run("1"), since(60_000)]);
        assert_eq!(dismissed.count(&[run("1"), since(61_000)]), 2);
        assert_eq!(dismissed.count(&[run("2")]), 0);
        for past in dismissed.requests.iter_mut().flatten() {
            past.at = past.at.checked_sub(Duration::from_secs(30)).unwrap();
        }
        assert_eq!(dismissed.count(&[run("1"), since(91_000)]), 2);
        assert_eq!(dismissed.count(&[since(1_000)]), 0);
    }
}
