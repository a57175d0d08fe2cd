//! Problems that the user dismissed on this dashboard.

use stigmer_ui::DismissRequest;
use stigmer_ui::model::ProblemRow;

/// The dismissed problems, by request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dismissed {
    requests: Vec<Vec<String>>,
}

impl Dismissed {
    /// Performs a request. `shown` are the problems on the screen.
    pub fn handle(&mut self, request: &DismissRequest, shown: &[ProblemRow]) {
        match request {
            DismissRequest::One(id) => self.requests.push(vec![id.clone()]),
            DismissRequest::All => {
                self.requests.push(shown.iter().map(|row| row.id.clone()).collect());
            }
            DismissRequest::Undo => _ = self.requests.pop(),
        }
    }

    fn hides(&self, row: &ProblemRow) -> bool {
        self.requests.iter().flatten().any(|id| *id == row.id)
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

    #[test]
    fn undo_shows_the_problems_of_the_latest_request() {
        let row = |id: &str| ProblemRow { id: id.into(), ..ProblemRow::default() };
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
}
