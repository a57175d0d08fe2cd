//! The prompt of the list of workflows: its filter, and its query.

use super::View;
use super::filter::StatusFilter;
use super::prompt::{ListPrompt, Prompt, PromptPurpose};
use crate::model::{FoundWorkflows, Model};

impl View {
    /// Opens the prompt of the filter of workflows.
    pub(crate) fn open_filter_prompt(&mut self) {
        let list = ListPrompt {
            filter: self.filter.text.clone(),
            query: self.listing.query.clone(),
            other: None,
        };
        let text = list.filter.clone();
        self.prompt = Some(Prompt { text, purpose: PromptPurpose::Filter(list) });
    }

    /// Changes from the filter to a query, or back. The text stays until the user changes back. A text with an operator
    /// was meant as a query.
    pub(crate) fn switch_prompt(&mut self, to_query: bool) {
        let Some(Prompt { text, purpose }) = self.prompt.take() else { return };
        self.prompt = Some(match purpose {
            PromptPurpose::Filter(list) if to_query => {
                self.filter.set_text(list.filter.clone());
                let is_query = text.contains(['=', '<', '>']);
                let query = list.other.clone().or_else(|| self.listing.query.clone());
                let query = query.or_else(|| is_query.then(|| text.clone()));
                let list = ListPrompt { other: Some(text).filter(|_| !is_query), ..list };
                let purpose = PromptPurpose::Query { list, sent: false };
                Prompt { text: query.unwrap_or_default(), purpose }
            }
            PromptPurpose::Query { list, .. } if !to_query => {
                self.listing.query.clone_from(&list.query);
                let words = list.other.clone().unwrap_or_else(|| list.filter.clone());
                self.filter.set_text(words.clone());
                let list = ListPrompt { other: Some(text), ..list };
                Prompt { text: words, purpose: PromptPurpose::Filter(list) }
            }
            purpose => Prompt { text, purpose },
        });
    }

    /// Requests the query of the prompt. Without a text, removes the query.
    pub(crate) fn run_query(&mut self) {
        let Some(Prompt { text, purpose: PromptPurpose::Query { sent, .. } }) = &mut self.prompt
        else {
            return;
        };
        if text.trim().is_empty() {
            self.listing.query = None;
            self.prompt = None;
        } else {
            *sent = true;
            self.listing.query = Some(text.clone());
        }
    }

    /// Returns the answer to the query of the prompt. `None` if the text is not sent, or not answered.
    pub(crate) fn prompt_answer<'a>(&self, model: &'a Model) -> Option<&'a FoundWorkflows> {
        match &self.prompt.as_ref()?.purpose {
            PromptPurpose::Query { sent: true, .. } => self.found(model),
            _ => None,
        }
    }

    /// Closes the prompt and keeps its search or its filter. The server has not accepted a query that is
    /// still in the prompt, so the query before is restored.
    pub(crate) fn drop_prompt(&mut self) {
        if let Some(Prompt { purpose: PromptPurpose::Query { list, .. }, .. }) = self.prompt.take()
        {
            self.listing.query = list.query;
        }
    }

    /// Closes the prompt of a query that the server has accepted.
    pub(super) fn close_answered_query(&mut self, model: &Model) {
        let answer = self.prompt_answer(model);
        if answer.is_some_and(|answer| answer.error.is_empty() && answer.rows.is_some()) {
            self.prompt = None;
            // A query lists no problems.
            if self.filter.status == StatusFilter::Problems {
                self.filter.status = StatusFilter::All;
            }
        }
    }
}
