//! The prompt: a search in the log, the filter of workflows, or a query of Temporal.

use crate::explorer::LogPosition;

/// Prompt for a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    pub(crate) purpose: PromptPurpose,
}

/// What the text of a prompt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PromptPurpose {
    /// A search in the log, from the position when the prompt was opened.
    Search(LogPosition),
    /// The filter of workflows.
    Filter(ListPrompt),
    /// A query of Temporal.
    Query {
        list: ListPrompt,
        /// Whether the text is the query that the caller runs.
        sent: bool,
    },
}

/// What the prompt of the list of workflows restores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListPrompt {
    /// The words of the filter when the prompt was opened.
    pub(crate) filter: String,
    /// The query when the prompt was opened.
    pub(crate) query: Option<String>,
    /// The text before the user changed from the filter to a query, or back.
    pub(crate) other: Option<String>,
}

/// Words of the filter that are no attributes of a query, and the attributes.
const ATTRIBUTES: [(&str, &str); 4] = [
    ("type", "in a query, type is WorkflowType"),
    ("id", "in a query, id is WorkflowId"),
    ("queue", "in a query, queue is TaskQueue"),
    ("status", "in a query, status is ExecutionStatus"),
];

/// Returns what is wrong with a query that has a word of the filter instead of an attribute.
pub(crate) fn wrong_attribute(query: &str) -> Option<&'static str> {
    // Every second part is a value in quotes.
    let outside = query.split(['\'', '"']).step_by(2);
    let mut words = outside.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.find_map(|word| {
        let found = ATTRIBUTES.iter().find(|(wrong, _)| word.eq_ignore_ascii_case(wrong));
        found.map(|(_, hint)| *hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_of_the_filter_in_a_query_is_explained() {
        for (query, hint) in [
            ("type='Refund'", Some("in a query, type is WorkflowType")),
            ("TYPE = \"x\"", Some("in a query, type is WorkflowType")),
            (
                "WorkflowType='x' AND status = 'Running'",
                Some("in a query, status is ExecutionStatus"),
            ),
            ("(queue='a' OR id='b')", Some("in a query, queue is TaskQueue")),
            ("WorkflowType = 'type id' AND WorkflowId = \"id\"", None),
            ("MyType = 1", None),
            ("", None),
        ] {
            assert_eq!(wrong_attribute(query), hint, "{query}");
        }
    }
}
