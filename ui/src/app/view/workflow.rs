//! The page of a workflow: which run it shows, its selected line, and whether the details of that line
//! are open.

use std::borrow::Cow;

use super::rows::Item;
use super::scroll::ListScroll;
use crate::explorer::Move;
use crate::model::{HistoryRow, Model, OpenWorkflow, WorkflowPage};
use crate::request::WorkflowTarget;

/// A line of the page that can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageLine {
    /// The failure at this position of the chain of causes.
    Cause(usize),
    /// The row of the history with this number.
    Row(u64),
    /// The lines of the log that name the workflow.
    Log,
}

/// Details of a line.
pub(crate) struct LineDetails<'a> {
    pub(crate) title: &'a str,
    /// Names and texts. No text is empty.
    pub(crate) facts: Vec<(&'a str, Cow<'a, str>)>,
}

/// State of the page of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkflowCursor {
    /// The run. Stays the same when the row that opened the page disappears.
    pub(crate) run: OpenWorkflow,
    /// Workflow type, as the row that opened the page shows it.
    pub(crate) type_name: String,
    /// The selected line. Without one, the page follows the end of the history.
    pub(crate) selected: Option<PageLine>,
    /// Whether the details of the selected line are open.
    pub(crate) is_open: bool,
    /// Whether workflow tasks that did not fail are shown.
    pub(crate) tasks: bool,
    pub(crate) scroll: ListScroll,
    /// Position of the first visible row of the history. A history may have more rows than a
    /// [`ListScroll`] can count.
    pub(crate) first: usize,
    /// Whether the last frame had a row for the lines of the log that name the workflow.
    pub(crate) has_log_row: bool,
}

impl WorkflowCursor {
    /// Returns the page of a workflow for a row. `None` if the row is not about one run.
    pub(crate) fn of(item: Item, model: &Model) -> Option<Self> {
        let run = |namespace: &str, workflow_id: &str, run_id: &str| OpenWorkflow {
            namespace: namespace.to_owned(),
            workflow_id: workflow_id.to_owned(),
            run_id: run_id.to_owned(),
            row: None,
        };
        let (run, type_name) = if let Some(row) = item.problem(model) {
            (run(&row.namespace, &row.subject, row.run_id.as_deref()?), &row.type_name)
        } else if let Some((row, member)) = item.member(model) {
            (run(&row.namespace, &member.workflow_id, &member.run_id), &member.type_name)
        } else {
            let row = item.workflow(model)?;
            (run(&model.namespace, &row.workflow_id, &row.run_id), &row.type_name)
        };
        Some(Self { run, type_name: type_name.clone(), ..Self::default() })
    }

    /// Returns the data of this page, if the caller has provided them.
    pub(crate) fn page<'a>(&self, model: &'a Model) -> Option<&'a WorkflowPage> {
        model.page.as_ref().filter(|page| page.run_id == self.run.run_id)
    }

    /// Returns the visible rows of the history.
    pub(crate) fn rows<'a>(
        &self,
        page: &'a WorkflowPage,
    ) -> impl DoubleEndedIterator<Item = &'a HistoryRow> {
        let tasks = self.tasks;
        page.history.iter().filter(move |row| tasks || !row.routine)
    }

    /// Returns the pattern of the lines of the log that name the workflow.
    pub(crate) fn log_pattern(&self) -> String {
        name_pattern(&self.run.workflow_id)
    }

    /// Returns the lines that have details.
    pub(crate) fn lines(&self, model: &Model) -> Vec<PageLine> {
        let Some(page) = self.page(model) else { return Vec::new() };
        let causes = (0..page.causes.len()).map(PageLine::Cause);
        causes.chain(self.rows(page).map(|row| PageLine::Row(row.id))).collect()
    }

    /// Returns the lines that can be selected.
    pub(crate) fn stops(&self, model: &Model) -> Vec<PageLine> {
        let has_log = self.has_log_row && !self.is_open && self.page(model).is_some();
        let log = has_log.then_some(PageLine::Log);
        self.lines(model).into_iter().chain(log).collect()
    }

    /// Returns the selected line, if it exists.
    pub(crate) fn line(&self, model: &Model) -> Option<PageLine> {
        let page = self.page(model)?;
        self.selected.filter(|line| match line {
            PageLine::Cause(at) => *at < page.causes.len(),
            PageLine::Row(id) => self.rows(page).any(|row| row.id == *id),
            PageLine::Log => self.has_log_row,
        })
    }

    /// Returns the line whose details are open.
    pub(crate) fn open_line(&self, model: &Model) -> Option<PageLine> {
        self.line(model).filter(|_| self.is_open)
    }

    /// Moves the selection. Without one, a movement down selects the first line, and a movement up
    /// the last row of the history.
    pub(crate) fn go(&mut self, by: Move, model: &Model) {
        let stops = self.stops(model);
        let Some(end) = stops.len().checked_sub(1) else { return };
        let here = self.line(model).and_then(|line| stops.iter().position(|it| *it == line));
        // The line below the history is not its end.
        let last = stops.iter().rposition(|it| *it != PageLine::Log).unwrap_or(end);
        let page = self.scroll.page().max(2) - 1;
        let to = match (by, here) {
            (Move::First, _) => 0,
            (Move::Last, _) => last,
            (Move::Up(_) | Move::PageUp, None) => last,
            (Move::Down(_) | Move::PageDown, None) => 0,
            (Move::Up(n), Some(at)) => at.saturating_sub(n.into()),
            (Move::Down(n), Some(at)) => at + usize::from(n),
            (Move::PageUp, Some(at)) => at.saturating_sub(page),
            (Move::PageDown, Some(at)) => at + page,
        };
        self.selected = stops.get(to.min(end)).copied();
        self.is_open = false;
    }

    /// Returns the run, for the caller.
    pub(crate) fn open(&self) -> OpenWorkflow {
        let row = match self.selected {
            Some(PageLine::Row(id)) if self.is_open => Some(id),
            _ => None,
        };
        OpenWorkflow { row, ..self.run.clone() }
    }

    /// Returns the open details. `None` if they are closed.
    pub(crate) fn details<'a>(&self, model: &'a Model) -> Option<LineDetails<'a>> {
        let page = self.page(model)?;
        let (title, facts): (&str, Vec<(&str, Cow<'a, str>)>) = match self.open_line(model)? {
            PageLine::Cause(at) => {
                let cause = page.causes.get(at)?;
                let pending = page.pending.iter().map(|it| format!("{}: {}", it.name, it.text));
                let pending: Vec<String> = pending.collect();
                let facts = vec![
                    ("Failure", cause.text.as_str().into()),
                    ("Place", cause.place.as_str().into()),
                    // A small page has no room for these texts.
                    ("Pending", pending.join("\n").into()),
                    ("What to do", page.hint.as_str().into()),
                    ("Stack", cause.lines.join("\n").into()),
                ];
                ("cause", facts)
            }
            PageLine::Row(id) => {
                let row = page.history.iter().find(|row| row.id == id)?;
                let details = page.details.iter().filter(|details| details.id == id);
                let facts = details.flat_map(|it| &it.lines);
                let facts = facts.map(|(name, text)| (name.as_str(), text.as_str().into()));
                let state = ("State", row.text.as_str().into());
                (&row.name, [state].into_iter().chain(facts).collect())
            }
            PageLine::Log => return None,
        };
        let facts = facts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        Some(LineDetails { title, facts })
    }

    /// Returns the open details as text. Each line ends with a line feed.
    pub(crate) fn plain(&self, model: &Model) -> Option<String> {
        let LineDetails { title, facts } = self.details(model)?;
        let facts = facts.iter().map(|(name, text)| format!("{name:<12} {text}\n"));
        Some(format!("{} › {title}\n", self.run.workflow_id) + &facts.collect::<String>())
    }

    /// Returns the run as the target of an action or a command.
    pub(crate) fn target(&self) -> WorkflowTarget {
        let OpenWorkflow { namespace, workflow_id, run_id, .. } = self.run.clone();
        WorkflowTarget { namespace, workflow_id, run_id, is_open: true, activity: None }
    }
}

/// Returns a pattern that matches the ID of a workflow, and no longer ID of letters and digits.
fn name_pattern(workflow_id: &str) -> String {
    let mut pattern = String::new();
    for c in workflow_id.chars() {
        if r"\.+*?()|[]{}^$#&~".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    let is_of_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let begin = if is_of_word(workflow_id.chars().next()) { r"\b" } else { "" };
    let end = if is_of_word(workflow_id.chars().next_back()) { r"\b" } else { "" };
    format!("{begin}{pattern}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample;

    fn cursor(model: &Model) -> WorkflowCursor {
        let at = model.problems.iter().flatten().position(|row| row.subject == "refund-0");
        WorkflowCursor::of(Item::Problem(at.unwrap()), model).unwrap()
    }

    #[test]
    fn page_shows_only_its_own_run() {
        let model = sample::with_problems();
        let mut cursor = cursor(&model);
        assert!(cursor.page(&model).is_some() && !cursor.lines(&model).is_empty());
        cursor.run.run_id = "another".into();
        assert!(cursor.page(&model).is_none() && cursor.lines(&model).is_empty());
        cursor.go(Move::Down(1), &model);
        assert_eq!(cursor.selected, None);
    }

    #[test]
    fn selection_moves_from_the_causes_to_the_history_and_stays_on_its_row() {
        let mut model = sample::with_problems();
        let mut cursor = cursor(&model);
        cursor.go(Move::Down(1), &model);
        assert_eq!(cursor.line(&model), Some(PageLine::Cause(0)));
        cursor.go(Move::Last, &model);
        let last = model.page.as_ref().unwrap().history.last().unwrap().id;
        assert_eq!(cursor.line(&model), Some(PageLine::Row(last)));
        let page = model.page.as_mut().unwrap();
        let more = HistoryRow { id: 99, ..HistoryRow::default() };
        page.history = page.history.iter().cloned().chain([more]).collect();
        assert_eq!(cursor.line(&model), Some(PageLine::Row(last)));
        model.page.as_mut().unwrap().history = [].into();
        assert_eq!(cursor.line(&model), None, "the row is gone");
    }

    #[test]
    fn rows_that_are_not_about_a_run_have_no_such_page() {
        let model = sample::with_problems();
        let has_page = |item| WorkflowCursor::of(item, &model).is_some();
        assert!(has_page(Item::Workflow(0)) && !has_page(Item::Worker(0)));
        let group = model.problems.iter().flatten().position(|row| row.subject == "refund-0");
        let member = WorkflowCursor::of(Item::Member(group.unwrap(), 1), &model).unwrap();
        assert_eq!(member.run.workflow_id, "refund-1");
        let queue = model.problems.iter().flatten().position(|row| row.subject == "billing");
        assert!(!has_page(Item::Problem(queue.unwrap())));
        let waiting = WorkflowCursor::of(Item::Member(queue.unwrap(), 0), &model).unwrap();
        assert_eq!((&*waiting.type_name, &*waiting.run.workflow_id), ("Invoice", "invoice-13"));
    }
}
