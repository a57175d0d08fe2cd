//! Marked rows.

use super::rows::{Item, Key};
use crate::model::Model;

/// The rows that the user has marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<Key>);

impl Marks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, item: Item, model: &Model) -> bool {
        self.0.iter().any(|key| item.has(key, model))
    }

    /// Marks a row, or removes its mark.
    pub(crate) fn toggle(&mut self, item: Item, model: &Model) {
        let Some(key) = item.key(model) else { return };
        match self.0.iter().position(|marked| *marked == key) {
            Some(at) => _ = self.0.remove(at),
            None => self.0.push(key),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Removes the marks of rows that are gone.
    pub(super) fn retain(&mut self, model: &Model) {
        if !self.is_empty() {
            self.0.retain(|key| Item::all(model).any(|item| item.has(key, model)));
        }
    }
}

impl Item {
    /// Returns all problems, each with its further workflows, and all workflows of the model. A workflow may be
    /// in several rows.
    pub(crate) fn all(model: &Model) -> impl Iterator<Item = Self> {
        let problems = model.problems.iter().flatten().enumerate().flat_map(|(at, row)| {
            let members = row.further().map(move |number| Self::Member(at, number));
            std::iter::once(Self::Problem(at)).chain(members)
        });
        let recent = model.recent.as_ref().map_or(0, Vec::len);
        let found = model.found.as_ref().and_then(|found| found.rows.as_ref()).map_or(0, Vec::len);
        problems.chain((0..recent).map(Self::Workflow)).chain((0..found).map(Self::Found))
    }

    /// Whether actions on workflows apply to the row.
    pub(crate) fn has_targets(self, model: &Model) -> bool {
        let problem = self.problem(model);
        problem.is_some_and(|row| row.run_id.is_some() || !row.members.is_empty())
            || self.member(model).is_some()
            || self.workflow(model).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample;

    #[test]
    fn marks_disappear_with_their_rows() {
        let mut model = sample::with_problems();
        let mut marks = Marks::default();
        marks.toggle(Item::Problem(1), &model);
        marks.toggle(Item::Workflow(0), &model);
        marks.toggle(Item::Workflow(0), &model);
        assert_eq!(marks.count(), 1);
        model.problems.as_mut().unwrap().swap(1, 2);
        marks.retain(&model);
        assert!(marks.contains(Item::Problem(2), &model));
        model.problems = None;
        marks.retain(&model);
        assert!(marks.is_empty());
    }
}
