//! The workflows of rows, to which actions apply.

use super::rows::Item;
use super::unlisted::Unlisted;
use super::{Tab, View, WorkflowCursor};
use crate::model::{Model, OpenWorkflow, ProblemRow, RunFound, WorkflowRow};
use crate::request::{RetriedActivity, WorkflowTarget};

impl View {
    /// Returns the workflow of the open page, or else those of the marked rows, or else those of the
    /// selected row.
    pub(crate) fn targets(&self, model: &Model) -> Vec<WorkflowTarget> {
        match &self.workflow {
            Some(cursor) => vec![self.of_page(cursor, model)],
            None => self.of_items(&self.chosen(model), model),
        }
    }

    /// Returns the marked rows, or else the selected row.
    fn chosen(&self, model: &Model) -> Vec<Item> {
        match self.marks.is_empty() {
            true => self.selected().into_iter().collect(),
            false => Item::all(model).filter(|it| self.marks.contains(*it, model)).collect(),
        }
    }

    /// Returns the workflows of [`Self::targets`] that are not listed.
    pub(crate) fn unlisted(&self, model: &Model) -> Unlisted {
        let items = if self.workflow.is_some() { Vec::new() } else { self.chosen(model) };
        let groups = items.into_iter().filter_map(|it| it.problem(model));
        // An expanded row stands for one workflow.
        let count = unlisted_of(groups.filter(|row| !self.is_expanded(row)));
        Unlisted { count, has_more: false }
    }

    /// Returns the workflows of [`Self::filtered_targets`] that are not listed.
    pub(crate) fn filtered_unlisted(&self, model: &Model) -> Unlisted {
        let items = self.workflows.items().iter();
        let has_query = self.listing.query.is_some();
        Unlisted {
            count: unlisted_of(items.filter_map(|it| it.problem(model))),
            has_more: has_query && self.found(model).is_some_and(|found| found.more),
        }
    }

    /// Returns the workflow of a page. What is wrong with it is known from its row.
    fn of_page(&self, cursor: &WorkflowCursor, model: &Model) -> WorkflowTarget {
        let OpenWorkflow { workflow_id, run_id, .. } = &cursor.run;
        let rows = self.of_items(&Item::all(model).collect::<Vec<_>>(), model);
        let known =
            rows.into_iter().find(|it| it.run_id == *run_id && it.workflow_id == *workflow_id);
        let page = cursor.page(model).filter(|page| page.found == RunFound::Yes);
        let is_open = page.map(|page| page.status.is_open());
        let target = known.unwrap_or_else(|| cursor.target());
        WorkflowTarget { is_open: is_open.unwrap_or(target.is_open), ..target }
    }

    /// Returns the workflows of all rows that pass the filter. Empty on the other tabs.
    pub(crate) fn filtered_targets(&self, model: &Model) -> Vec<WorkflowTarget> {
        match self.tab {
            Tab::Workflows => self.of_items(self.workflows.items(), model),
            Tab::Overview | Tab::Workers | Tab::Logs | Tab::Server => Vec::new(),
        }
    }

    /// Returns the workflows of rows. A workflow in several rows is returned once. The row of an
    /// expanded problem stands for one workflow, because the others have their own rows.
    fn of_items(&self, items: &[Item], model: &Model) -> Vec<WorkflowTarget> {
        let of_item = |item: &Item| {
            let problem = item.problem(model).map(|row| of_problem(row, !self.is_expanded(row)));
            let member = item.member(model);
            let member = member.map(|(row, it)| vec![target(row, &it.workflow_id, &it.run_id, "")]);
            let workflow = item.workflow(model).map(|row| vec![of_workflow(row, model)]);
            problem.or(member).or(workflow).unwrap_or_default()
        };
        let mut targets: Vec<WorkflowTarget> = Vec::new();
        for target in items.iter().flat_map(of_item) {
            let is_same = |it: &&mut WorkflowTarget| {
                (&it.namespace, &it.workflow_id, &it.run_id)
                    == (&target.namespace, &target.workflow_id, &target.run_id)
            };
            match targets.iter_mut().find(is_same) {
                Some(known) => known.activity = known.activity.take().or(target.activity),
                None => targets.push(target),
            }
        }
        targets
    }
}

/// Returns the number of workflows of problems that are not among the members of these problems.
fn unlisted_of<'a>(problems: impl Iterator<Item = &'a ProblemRow>) -> u64 {
    let further = problems.map(|row| {
        let listed = row.members.len().max(usize::from(row.run_id.is_some()));
        if listed == 0 { 0 } else { row.count.saturating_sub(listed as u64) }
    });
    further.fold(0, u64::saturating_add)
}

/// Returns the workflow of a problem, or all workflows that its row stands for.
fn of_problem(row: &ProblemRow, all: bool) -> Vec<WorkflowTarget> {
    let Some(run_id) = &row.run_id else {
        return row
            .waiting()
            .iter()
            .map(|it| target(row, &it.workflow_id, &it.run_id, ""))
            .collect();
    };
    let newest = target(row, &row.subject, run_id, &row.activity_id);
    let others = row.members.iter().filter(|it| all && it.run_id != *run_id);
    let others = others.map(|it| target(row, &it.workflow_id, &it.run_id, ""));
    std::iter::once(newest).chain(others).collect()
}

/// Returns a workflow that has this problem.
fn target(row: &ProblemRow, workflow_id: &str, run_id: &str, activity_id: &str) -> WorkflowTarget {
    WorkflowTarget {
        namespace: row.namespace.clone(),
        workflow_id: workflow_id.to_owned(),
        run_id: run_id.to_owned(),
        is_open: !row.kind.is_closed(),
        activity: row.activity.as_ref().map(|type_name| RetriedActivity {
            type_name: type_name.clone(),
            id: activity_id.to_owned(),
        }),
    }
}

fn of_workflow(row: &WorkflowRow, model: &Model) -> WorkflowTarget {
    WorkflowTarget {
        namespace: model.namespace.clone(),
        workflow_id: row.workflow_id.clone(),
        run_id: row.run_id.clone(),
        is_open: row.status.is_open(),
        activity: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample;

    #[test]
    fn row_of_a_group_stands_for_all_its_workflows() {
        let model = sample::with_problems();
        let mut view = View::default();
        let targets = view.of_items(&[Item::Problem(4)], &model);
        let ids: Vec<&str> = targets.iter().map(|it| it.workflow_id.as_str()).collect();
        assert_eq!(ids, ["refund-0", "refund-1"]);
        let activity = |at: usize| targets[at].activity.clone().unwrap();
        assert_eq!((activity(0).type_name.as_str(), activity(0).id.as_str()), ("call_bank", "1"));
        assert_eq!(activity(1).id, "", "only the newest one has a known ID");
        assert!(targets.iter().all(|it| it.is_open && it.namespace == "default"));
        let waiting = view.of_items(&[Item::Problem(3), Item::Server], &model);
        let waiting: Vec<_> = waiting.iter().map(|it| (&*it.workflow_id, it.is_open)).collect();
        assert_eq!(waiting, [("invoice-13", true), ("invoice-12", true)], "they wait in a queue");
        view.expanded.push(model.problems.as_ref().unwrap()[4].id.clone());
        for (item, id) in [(Item::Problem(4), "refund-0"), (Item::Member(4, 1), "refund-1")] {
            let targets = view.of_items(&[item], &model);
            assert_eq!((targets.len(), targets[0].workflow_id.as_str()), (1, id), "expanded");
        }
    }

    #[test]
    fn workflow_in_two_rows_is_one_target() {
        let mut model = sample::with_problems();
        let problem = model.problems.as_ref().unwrap()[4].clone();
        let row = WorkflowRow {
            workflow_id: problem.subject,
            run_id: problem.run_id.unwrap(),
            ..WorkflowRow::default()
        };
        model.recent.as_mut().unwrap().insert(0, row);
        let items = [Item::Workflow(0), Item::Problem(4)];
        let targets = View::default().of_items(&items, &model);
        assert_eq!(targets.len(), 2);
        assert!(targets[0].activity.is_some(), "known from the problem");
    }
}
