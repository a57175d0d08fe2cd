//! The newest open workflows and the newest closed ones. A listed row costs the server 0.5 ms, so a list
//! ends at the first page with a known row.

use crate::temporal::executions::{Execution, ExecutionPage};
use std::collections::HashSet;

/// Number of open workflows that are kept, and of closed ones.
const ROWS: usize = 50;
/// Rows of one page of a list.
pub(super) const PAGE: u16 = 15;

/// The beginning of a list, in the order of the server: the newest start or end first.
#[derive(Debug, Default)]
pub(super) struct NewList {
    rows: Vec<Execution>,
    next: Vec<u8>,
    extent: Extent,
}

/// How far a list was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Extent {
    /// There are further rows, and all rows so far are new.
    #[default]
    New,
    /// To a page with a row of the list before. The rows after this page have not changed.
    Known,
    /// To the last row.
    End,
}

impl NewList {
    /// The list of a server without such workflows.
    pub(super) fn empty() -> Self {
        Self { extent: Extent::End, ..Self::default() }
    }

    /// The token of the next page to request, empty for the first page. `None` if no page is missing.
    pub(super) fn wanted(&self) -> Option<&[u8]> {
        (self.extent == Extent::New && self.rows.len() < ROWS).then_some(&self.next)
    }

    /// Adds the requested page. `before` are the rows of the list before.
    pub(super) fn add(&mut self, page: ExecutionPage, before: &[Execution]) {
        let known: HashSet<&str> = before.iter().map(|it| it.run_id.as_str()).collect();
        self.extent = if page.next.is_empty() {
            Extent::End
        } else if page.executions.iter().any(|it| known.contains(it.run_id.as_str())) {
            Extent::Known
        } else {
            Extent::New
        };
        self.rows.extend(page.executions);
        self.next = page.next;
    }

    /// Whether all rows that are new since the list before were read.
    pub(super) fn has_all_new(&self) -> bool {
        self.extent != Extent::New
    }

    /// The run IDs of the rows that were read.
    pub(super) fn run_ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|it| it.run_id.as_str())
    }

    /// The rows of the whole list. `before` are the rows of the list before, without those that no
    /// longer belong to the list.
    pub(super) fn complete(self, before: &[Execution]) -> Vec<Execution> {
        let mut rows = self.rows;
        if self.extent == Extent::Known {
            let listed: HashSet<String> = rows.iter().map(|it| it.run_id.clone()).collect();
            rows.extend(before.iter().filter(|it| !listed.contains(&it.run_id)).cloned());
        }
        rows.truncate(ROWS);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::executions::ExecutionStatus;

    /// Rows with these numbers as run IDs.
    fn rows(numbers: impl IntoIterator<Item = u32>) -> Vec<Execution> {
        let row = |number: u32| Execution {
            workflow_id: String::new(),
            run_id: number.to_string(),
            workflow_type: String::new(),
            task_queue: String::new(),
            status: ExecutionStatus::Completed,
            started: None,
            closed: None,
            parent: None,
            has_reported_problem: false,
        };
        numbers.into_iter().map(row).collect()
    }

    /// Lists the rows of a server that has runs with the numbers below `newest`, newest first. Returns
    /// the list, and the number of pages.
    fn list(newest: u32, before: &[Execution]) -> (NewList, usize) {
        let mut list = NewList::default();
        let mut pages = 0;
        while let Some(token) = list.wanted() {
            let from: u32 = std::str::from_utf8(token).unwrap().parse().unwrap_or(newest);
            let to = from.saturating_sub(PAGE.into());
            let next = if to == 0 { vec![] } else { to.to_string().into_bytes() };
            list.add(ExecutionPage { executions: rows((to..from).rev()), next }, before);
            pages += 1;
        }
        (list, pages)
    }

    #[test]
    fn empty_list_is_known_completely_without_a_page() {
        let list = NewList::empty();
        assert!(list.wanted().is_none() && list.has_all_new());
        assert!(list.complete(&rows([1])).is_empty());
    }

    #[test]
    fn list_has_the_newest_rows_and_ends_at_a_known_page() {
        let mut before = vec![];
        for (newest, expected, has_all_new) in [
            (1_000, 4, false),
            (1_000, 1, true),
            (1_010, 1, true),
            (1_020, 1, true),
            (1_050, 3, true),
            (2_000, 4, false),
        ] {
            let (list, pages) = list(newest, &before);
            assert_eq!((pages, list.has_all_new()), (expected, has_all_new), "{newest}");
            before = list.complete(&before);
            assert_eq!(before, rows((newest - 50..newest).rev()), "{newest}");
        }
    }

    #[test]
    fn list_that_was_read_to_its_end_has_no_row_of_the_list_before() {
        let (list, pages) = list(10, &rows((0..40).rev()));
        assert_eq!((pages, list.has_all_new()), (1, true));
        assert_eq!(list.complete(&rows((0..40).rev())), rows((0..10).rev()));
    }

    #[test]
    fn row_that_no_longer_belongs_to_the_list_is_removed() {
        let before = rows((960..1_000).rev().filter(|number| *number != 970));
        let (list, pages) = list(1_000, &before);
        assert_eq!(pages, 1);
        let rows = list.complete(&before);
        assert_eq!((rows.len(), rows[0].run_id.as_str()), (39, "999"));
        assert!(rows.iter().all(|it| it.run_id != "970"));
    }
}
