//! The rows of a tab that the user can select, and the selection among them.

use std::mem::discriminant;

use super::scroll::ListScroll;
use crate::explorer::Move;
use crate::model::{Member, Model, ProblemRow, WorkerRow, WorkflowRow};

/// A row that can be selected. Numbers are positions in the lists of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The server, in the list of workers.
    Server,
    Problem(usize),
    /// A further workflow of a problem: the position of the problem, and the one of the workflow in
    /// its group.
    Member(usize, usize),
    Worker(usize),
    Workflow(usize),
    /// A workflow that a query has found.
    Found(usize),
    /// The log line with this number.
    Line(u64),
    /// The command of an empty section with this number.
    Hint(usize),
}

/// Identity of a row. Stays the same when rows are added, removed or moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Server,
    Problem(String),
    Member(String),
    Worker(String),
    Workflow(String),
    Line(u64),
    Hint(usize),
}

impl Item {
    pub(crate) fn problem(self, model: &Model) -> Option<&ProblemRow> {
        match self {
            Self::Problem(at) => model.problems.as_deref()?.get(at),
            _ => None,
        }
    }

    /// Returns a further workflow of a problem, with the problem.
    pub(crate) fn member(self, model: &Model) -> Option<(&ProblemRow, &Member)> {
        match self {
            Self::Member(at, number) => {
                let row = model.problems.as_deref()?.get(at)?;
                Some((row, row.members.get(number)?))
            }
            _ => None,
        }
    }

    pub(crate) fn worker(self, model: &Model) -> Option<&WorkerRow> {
        match self {
            Self::Worker(at) => model.workers.as_deref()?.get(at),
            _ => None,
        }
    }

    pub(crate) fn workflow(self, model: &Model) -> Option<&WorkflowRow> {
        match self {
            Self::Workflow(at) => model.recent.as_deref()?.get(at),
            Self::Found(at) => model.found.as_ref()?.rows.as_deref()?.get(at),
            _ => None,
        }
    }

    /// Whether the row has a page of its own.
    pub(crate) fn has_page(self) -> bool {
        match self {
            Self::Problem(_)
            | Self::Member(..)
            | Self::Worker(_)
            | Self::Workflow(_)
            | Self::Found(_) => true,
            Self::Server | Self::Line(_) | Self::Hint(_) => false,
        }
    }

    pub(super) fn key(self, model: &Model) -> Option<Key> {
        match self {
            Self::Server => Some(Key::Server),
            Self::Problem(_) => self.problem(model).map(|row| Key::Problem(row.id.clone())),
            Self::Member(..) => self.member(model).map(|(_, it)| Key::Member(it.run_id.clone())),
            Self::Worker(_) => self.worker(model).map(|row| Key::Worker(row.id.clone())),
            Self::Workflow(_) | Self::Found(_) => {
                self.workflow(model).map(|row| Key::Workflow(row.run_id.clone()))
            }
            Self::Line(number) => Some(Key::Line(number)),
            Self::Hint(number) => Some(Key::Hint(number)),
        }
    }

    /// Returns the run of the only workflow that this row stands for.
    fn run(self, model: &Model) -> Option<&str> {
        match self {
            Self::Problem(_) => self.problem(model).filter(|row| row.count <= 1)?.run_id.as_deref(),
            Self::Member(..) => self.member(model).map(|(_, it)| it.run_id.as_str()),
            Self::Workflow(_) | Self::Found(_) => {
                self.workflow(model).map(|row| row.run_id.as_str())
            }
            Self::Server | Self::Worker(_) | Self::Line(_) | Self::Hint(_) => None,
        }
    }

    pub(super) fn has(self, key: &Key, model: &Model) -> bool {
        match (self, key) {
            (Self::Server, Key::Server) => true,
            (Self::Problem(_), Key::Problem(id)) => {
                self.problem(model).is_some_and(|row| row.id == *id)
            }
            (Self::Member(..), Key::Member(id)) => {
                self.member(model).is_some_and(|(_, it)| it.run_id == *id)
            }
            (Self::Worker(_), Key::Worker(id)) => {
                self.worker(model).is_some_and(|row| row.id == *id)
            }
            (Self::Workflow(_) | Self::Found(_), Key::Workflow(id)) => {
                self.workflow(model).is_some_and(|row| row.run_id == *id)
            }
            (Self::Line(number), Key::Line(id)) => number == *id,
            (Self::Hint(number), Key::Hint(id)) => number == *id,
            _ => false,
        }
    }
}

/// The selected row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selected {
    key: Key,
    /// The run of the only workflow that the row stands for. A workflow gets another row when it
    /// gets a problem or loses it.
    run: Option<String>,
    at: usize,
}

/// The rows of a tab, and the selected one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowList {
    items: Vec<Item>,
    selected: Option<Selected>,
    pub(crate) scroll: ListScroll,
}

impl RowList {
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the position of the selected row.
    pub(crate) fn at(&self) -> Option<usize> {
        self.selected.as_ref().map(|selected| selected.at)
    }

    pub(crate) fn selected(&self) -> Option<Item> {
        self.items.get(self.at()?).copied()
    }

    /// Replaces the rows. The selected row stays selected, also as another row of the same workflow.
    /// If it is gone, the row in its place or before it is selected, if it is of the same kind.
    /// Returns whether it is gone.
    pub(crate) fn update(&mut self, items: Vec<Item>, model: &Model) -> bool {
        self.items = items;
        let Some(Selected { key, run, at }) = &mut self.selected else { return false };
        let is_it = |item: &Item| item.has(key, model);
        if self.items.get(*at).is_some_and(is_it) {
            return false;
        }
        if let Some(now) = self.items.iter().position(is_it) {
            *at = now;
            return false;
        }
        let is_of_run = |item: &Item| run.is_some() && item.run(model) == run.as_deref();
        if let Some(now) = self.items.iter().position(is_of_run) {
            self.select(now, model);
            return false;
        }
        let at = *at;
        let is_alike = |at: &usize| {
            let item = self.items.get(*at).and_then(|item| item.key(model));
            item.is_some_and(|item| discriminant(&item) == discriminant(key))
        };
        match [Some(at), at.checked_sub(1)].into_iter().flatten().find(is_alike) {
            Some(at) => self.select(at, model),
            None => self.clear(),
        }
        true
    }

    /// Selects the row at a position. No row is selected if there is none.
    pub(crate) fn select(&mut self, at: usize, model: &Model) {
        self.selected = self.items.get(at).and_then(|item| {
            let run = item.run(model).map(str::to_owned);
            Some(Selected { key: item.key(model)?, run, at })
        });
    }

    pub(crate) fn clear(&mut self) {
        self.selected = None;
    }

    /// Moves the selection by rows. Without a selection, moves to the first or the last row.
    pub(crate) fn go(&mut self, by: Move, model: &Model) {
        let Some(last) = self.items.len().checked_sub(1) else { return };
        let page = self.scroll.page().max(2) - 1;
        let to = match (by, self.at()) {
            (Move::First, _) => 0,
            (Move::Last, _) => last,
            (Move::Up(_) | Move::PageUp, None) => last,
            (Move::Down(_) | Move::PageDown, None) => 0,
            (Move::Up(n), Some(at)) => at.saturating_sub(n.into()),
            (Move::Down(n), Some(at)) => at + usize::from(n),
            (Move::PageUp, Some(at)) => at.saturating_sub(page),
            (Move::PageDown, Some(at)) => at + page,
        };
        self.select(to.min(last), model);
    }

    /// Returns the position of the next or the previous row for which `wanted` holds. Continues at
    /// the other end.
    pub(crate) fn find(&self, forward: bool, wanted: impl Fn(Item) -> bool) -> Option<usize> {
        let mut found = (0..self.items.len()).filter(|at| wanted(self.items[*at]));
        match (forward, self.at()) {
            (true, here) => {
                let mut first = None;
                let next = found.find(|at| {
                    first = first.or(Some(*at));
                    here.is_none_or(|here| *at > here)
                });
                next.or(first)
            }
            (false, here) => {
                let (mut before, mut last) = (None, None);
                for at in found {
                    last = Some(at);
                    before = if here.is_some_and(|here| at < here) { last } else { before };
                }
                before.or(last)
            }
        }
    }

    /// Returns the position of the row with a page before or after the selected one.
    pub(crate) fn neighbour(&self, forward: bool) -> Option<usize> {
        let here = self.at()?;
        let has_page = |at: &usize| self.items[*at].has_page();
        if forward {
            (here + 1..self.items.len()).find(has_page)
        } else {
            (0..here.min(self.items.len())).rfind(has_page)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(ids: &[&str]) -> (Model, Vec<Item>) {
        let row = |id: &&str| ProblemRow { id: (*id).into(), ..ProblemRow::default() };
        let model = Model { problems: Some(ids.iter().map(row).collect()), ..Model::default() };
        (model, (0..ids.len()).map(Item::Problem).collect())
    }

    #[test]
    fn selected_row_stays_selected_while_rows_are_added_and_removed() {
        let mut list = RowList::default();
        let (model, items) = problems(&["a", "b", "c"]);
        list.update(items, &model);
        list.go(Move::Down(1), &model);
        list.go(Move::Down(1), &model);
        assert_eq!(list.at(), Some(1));
        let (model, items) = problems(&["new", "a", "b", "c"]);
        assert!(!list.update(items, &model));
        assert_eq!(list.at(), Some(2), "still b");
        let (model, items) = problems(&["new", "a", "c"]);
        assert!(list.update(items, &model));
        assert_eq!(list.at(), Some(2), "c is in the place of b");
        let (model, mut items) = problems(&["new", "a"]);
        items.push(Item::Server);
        assert!(list.update(items, &model));
        assert_eq!(list.at(), Some(1), "the row before, not one of another kind");
        assert!(list.update(vec![Item::Server], &model));
        assert_eq!((list.at(), list.selected()), (None, None));
    }

    #[test]
    fn workflow_stays_selected_when_it_gets_a_problem_and_loses_it() {
        let row = WorkflowRow { run_id: "run".into(), ..WorkflowRow::default() };
        let other = WorkflowRow { run_id: "other".into(), ..WorkflowRow::default() };
        let listed = Model { recent: Some(vec![other.clone(), row]), ..Model::default() };
        let problem = |count| ProblemRow {
            id: "stuck".into(),
            run_id: Some("run".into()),
            count,
            ..ProblemRow::default()
        };
        let with = |count| Model {
            problems: Some(vec![problem(count)]),
            recent: Some(vec![other.clone()]),
            ..Model::default()
        };

        let mut list = RowList::default();
        list.update(vec![Item::Workflow(0), Item::Workflow(1)], &listed);
        list.select(1, &listed);
        assert!(!list.update(vec![Item::Problem(0), Item::Workflow(0)], &with(1)));
        assert_eq!(list.selected(), Some(Item::Problem(0)));
        assert!(!list.update(vec![Item::Workflow(0), Item::Workflow(1)], &listed));
        assert_eq!(list.selected(), Some(Item::Workflow(1)));
        // A group is more than the workflow that was selected.
        assert!(list.update(vec![Item::Problem(0), Item::Workflow(0)], &with(2)));
        assert_eq!(list.selected(), Some(Item::Workflow(0)));
    }

    #[test]
    fn search_for_a_row_continues_at_the_other_end() {
        let mut list = RowList::default();
        let model = Model { problems: problems(&["a", "b"]).0.problems, ..Model::default() };
        let items = vec![Item::Problem(0), Item::Server, Item::Problem(1), Item::Hint(0)];
        list.update(items, &model);
        let is_problem = |item| matches!(item, Item::Problem(_));
        let mut found = Vec::new();
        for forward in [true, true, true, false, false] {
            let at = list.find(forward, is_problem).unwrap();
            list.select(at, &model);
            found.push(at);
        }
        assert_eq!(found, [0, 2, 0, 2, 0]);
        assert_eq!(list.neighbour(true), Some(2));
        assert_eq!(list.neighbour(false), None);
    }
}
