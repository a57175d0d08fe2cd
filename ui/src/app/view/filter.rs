//! The filter of the list of workflows: words, a status and a type.

use crate::model::{ProblemRow, WorkflowRow};

/// Filter of problems and workflows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowFilter {
    /// Words as the user typed them.
    pub(crate) text: String,
    pub(crate) status: StatusFilter,
    /// The only type to show. `None` for all.
    pub(crate) type_name: Option<String>,
    words: Vec<Word>,
}

/// Rows to show by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StatusFilter {
    #[default]
    All,
    Problems,
    Running,
    Closed,
}

impl StatusFilter {
    /// Returns the next status. A query lists no problems.
    pub(crate) fn next(self, has_query: bool) -> Self {
        match self {
            Self::All if !has_query => Self::Problems,
            Self::All | Self::Problems => Self::Running,
            Self::Running => Self::Closed,
            Self::Closed => Self::All,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::Running => "running",
            Self::Closed => "closed",
        }
    }
}

/// One word of the filter, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// Whether rows with the word are hidden.
    excludes: bool,
    /// The only column to search. `None` for all.
    column: Option<Column>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Type,
    Id,
    Queue,
    Cause,
    Status,
}

/// Texts of a row, each with its column.
type Texts<'a> = [(Column, &'a str); 5];

impl Word {
    /// Returns the word for `[!][column:]text`, also with `=` instead of `:`. `None` without a text.
    fn parse(word: &str) -> Option<Self> {
        let (excludes, word) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let columns = [
            ("type", Column::Type),
            ("id", Column::Id),
            ("queue", Column::Queue),
            ("cause", Column::Cause),
        ];
        let found = columns.iter().find_map(|(name, column)| {
            let text = word.strip_prefix(name)?.strip_prefix([':', '='])?;
            Some((Some(*column), text))
        });
        let (column, text) = found.unwrap_or((None, word));
        let text = text.to_lowercase();
        (!text.is_empty()).then_some(Self { text, excludes, column })
    }

    fn passes(&self, texts: &Texts<'_>) -> bool {
        let has = texts
            .iter()
            .filter(|(column, _)| self.column.is_none_or(|only| only == *column))
            .any(|(_, text)| contains(text, &self.text));
        has != self.excludes
    }
}

/// Whether `text` contains `word`, which is in lower case and not empty.
fn contains(text: &str, word: &str) -> bool {
    if text.is_ascii() {
        let (text, word) = (text.as_bytes(), word.as_bytes());
        // Most positions differ in the first byte already.
        return text.windows(word.len()).any(|part| {
            part[0].to_ascii_lowercase() == word[0] && part.eq_ignore_ascii_case(word)
        });
    }
    text.to_lowercase().contains(word)
}

impl RowFilter {
    /// Replaces the words.
    pub(crate) fn set_text(&mut self, text: String) {
        self.words = text.split_whitespace().filter_map(Word::parse).collect();
        self.text = text;
    }

    /// Returns the text, if it may be the ID of a workflow.
    pub(crate) fn id(&self) -> Option<&str> {
        let text = self.text.trim();
        match self.words.as_slice() {
            [Word { excludes: false, column: None, .. }] if !text.contains(char::is_whitespace) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether every row passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.type_name.is_none() && self.status == StatusFilter::All
    }

    pub(crate) fn passes_problem(&self, row: &ProblemRow) -> bool {
        let is_of_status = match self.status {
            StatusFilter::All | StatusFilter::Problems => true,
            StatusFilter::Running => !row.kind.is_closed(),
            StatusFilter::Closed => row.kind.is_closed(),
        };
        let passes = |type_name: &str, id: &str, cause: &str| {
            self.passes_type(type_name)
                && self.passes(&[
                    (Column::Type, type_name),
                    (Column::Id, id),
                    (Column::Queue, &row.queue),
                    (Column::Cause, cause),
                    (Column::Status, row.kind.label()),
                ])
        };
        is_of_status
            && match row.waiting() {
                [] => {
                    let mut others = row.members.iter().map(|it| &it.workflow_id);
                    passes(&row.type_name, &row.subject, &row.cause)
                        || others.any(|id| passes(&row.type_name, id, &row.cause))
                }
                waiting => {
                    let cause = &row.workflow_cause;
                    waiting.iter().any(|it| passes(&it.type_name, &it.workflow_id, cause))
                }
            }
    }

    pub(crate) fn passes_workflow(&self, row: &WorkflowRow) -> bool {
        let is_of_status = match self.status {
            StatusFilter::All => true,
            StatusFilter::Problems => false,
            StatusFilter::Running => row.status.is_open(),
            StatusFilter::Closed => !row.status.is_open(),
        };
        is_of_status
            && self.passes_type(&row.type_name)
            && self.passes(&[
                (Column::Type, &row.type_name),
                (Column::Id, &row.workflow_id),
                (Column::Queue, &row.queue),
                (Column::Cause, &row.note),
                (Column::Status, row.status.label()),
            ])
    }

    fn passes_type(&self, type_name: &str) -> bool {
        self.type_name.as_deref().is_none_or(|only| only == type_name)
    }

    fn passes(&self, texts: &Texts<'_>) -> bool {
        self.words.iter().all(|word| word.passes(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Member, ProblemKind, WorkflowStatus};

    fn refund() -> ProblemRow {
        ProblemRow {
            kind: ProblemKind::Retrying,
            type_name: "Refund".into(),
            subject: "refund-0".into(),
            queue: "orders".into(),
            cause: "BankUnavailable: 503 Größe".into(),
            ..ProblemRow::default()
        }
    }

    #[test]
    fn words_are_joined_by_and_and_may_exclude_or_match_one_column() {
        let passes = |text: &str| {
            let mut filter = RowFilter::default();
            filter.set_text(text.into());
            filter.passes_problem(&refund())
        };
        for text in [
            "",
            "refund",
            "REFUND 503",
            "type:refund",
            "type=Refund",
            "!type=drift",
            "id:refund-0",
            "queue:orders",
            "cause:bank",
            "!drift",
            "!type:orders",
            "größe",
            "retrying",
            "!",
            "type:",
        ] {
            assert!(passes(text), "{text}");
        }
        for text in ["drift", "refund drift", "!refund", "type:orders", "!queue:ord", "id:bank"] {
            assert!(!passes(text), "{text}");
        }
    }

    #[test]
    fn queue_passes_with_one_of_its_waiting_workflows() {
        let member = |id: &str| Member {
            workflow_id: id.into(),
            type_name: "Invoice".into(),
            ..Member::default()
        };
        let row = ProblemRow {
            kind: ProblemKind::NoWorker,
            type_name: "queue".into(),
            subject: "billing".into(),
            queue: "billing".into(),
            members: vec![member("invoice-13"), member("invoice-12")],
            workflow_cause: "queue billing: nobody polls it".into(),
            ..ProblemRow::default()
        };
        let passes = |text: &str| {
            let mut filter = RowFilter::default();
            filter.set_text(text.into());
            filter.passes_problem(&row)
        };
        for text in ["invoice-12", "type:invoice", "queue:billing", "nobody", "!id:13"] {
            assert!(passes(text), "{text}");
        }
        for text in ["type:queue", "!invoice", "id:billing"] {
            assert!(!passes(text), "{text}");
        }
        let filter = RowFilter { type_name: Some("Invoice".into()), ..RowFilter::default() };
        assert!(filter.passes_problem(&row));
    }

    #[test]
    fn group_passes_with_one_of_its_workflows() {
        let member = |id: &str| Member { workflow_id: id.into(), ..Member::default() };
        let members = vec![member("refund-1"), member("refund-0")];
        let row = ProblemRow { subject: "refund-1".into(), members, count: 2, ..refund() };
        let passes = |text: &str| {
            let mut filter = RowFilter::default();
            filter.set_text(text.into());
            filter.passes_problem(&row)
        };
        assert!(passes("refund-0") && passes("id:refund-1") && !passes("refund-2"));
    }

    #[test]
    fn status_and_type_select_rows() {
        let completed = WorkflowRow {
            status: WorkflowStatus::Completed,
            type_name: "Checkout".into(),
            ..WorkflowRow::default()
        };
        let failed = ProblemRow { kind: ProblemKind::Failed, ..refund() };
        let shown = |filter: &RowFilter| {
            let problems = [refund(), failed.clone()].map(|row| filter.passes_problem(&row));
            (problems, filter.passes_workflow(&completed))
        };
        let mut filter = RowFilter::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(shown(&filter));
            filter.status = filter.status.next(false);
        }
        let expected = [
            ([true, true], true),
            ([true, true], false),
            ([true, false], false),
            ([false, true], true),
        ];
        assert_eq!(seen, expected);
        filter.type_name = Some("Checkout".into());
        assert_eq!(shown(&filter), ([false, false], true));
        assert!(!filter.is_empty());
    }
}
