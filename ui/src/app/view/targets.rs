//! The workflows of rows, to which actions apply.

use super::marks::all_items;
use super::rows::Item;
use super::{Tab, View, WorkflowCursor};
use crate::model::{Model, OpenWorkflow, ProblemRow, RunFound, WorkflowRow};
use crate::request::{RetriedActivity, WorkflowTarget};

impl View {
    /// Returns the workflow of the open page, or else those of the marked rows, or else those of the
    /// selected row.
    pub(crate) fn targets(&self, model: &Model) -> Vec<WorkflowTarget> {
        if let Some(cursor) = &self.workflow {
            return vec![self.of_page(cursor, model)];
        }
        let items: Vec<Item> = if self.marks.is_empty() {
            self.selected().into_iter().collect()
        } else {
            all_items(model).filter(|item| self.marks.contains(*item, model)).collect()
        };
        self.of_items(&items, model)
    }

    /// Returns the workflow of a page. What is wrong with it is known from its row.
    fn of_page(&self, cursor: &WorkflowCursor, model: &Model) -> WorkflowTarget {
        let OpenWorkflow { namespace, workflow_id, run_id, .. } = &cursor.run;
        let rows = self.of_items(&all_items(model).collect::<Vec<_>>(), model);
        let known =
            rows.into_iter().find(|it| it.run_id == *run_id && it.workflow_id == *workflow_id);
        let page = cursor.page(model).filter(|page| page.found == RunFound::Yes);
        let is_open = page.map(|page| page.status.is_open());
        let target = known.unwrap_or_else(|| WorkflowTarget {
            namespace: namespace.clone(),
            workflow_id: workflow_id.clone(),
            run_id: run_id.clone(),
            is_open: true,
            activity: None,
        });
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

/// Returns the workflow of a problem, or all workflows that its row stands for.
fn of_problem(row: &ProblemRow, all: bool) -> Vec<WorkflowTarget> {
    let Some(run_id) = &row.run_id else { return Vec::new() };
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
        assert_eq!(view.of_items(&[Item::Problem(3), Item::Server], &model), [], "a queue");
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
