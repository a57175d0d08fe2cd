//! The effects of the keys of the prompt.

use super::ui::Ui;
use crate::app::keymap::PromptCommand;
use crate::app::view::{Item, Prompt, PromptPurpose, Source, Tab, WorkflowCursor};
use crate::draw::cluster::shorten;
use crate::input::Action;
use crate::log::LogSource;
use crate::model::Model;

/// Maximum bytes of the text of a prompt. A longer text was pasted by mistake.
const TEXT_MAX: usize = 1_000;

impl Ui {
    pub(super) fn edit_prompt(&mut self, edit: impl FnOnce(&mut String), log: &dyn LogSource) {
        let Some(prompt) = &mut self.view.prompt else { return };
        edit(&mut prompt.text);
        prompt.text.truncate(shorten(&prompt.text, TEXT_MAX).len());
        match &mut prompt.purpose {
            PromptPurpose::Search(start) => self.view.log.seek(&prompt.text, *start, log),
            PromptPurpose::Filter(_) => self.view.filter.set_text(prompt.text.clone()),
            PromptPurpose::Query { sent, .. } => *sent = false,
        }
    }

    pub(super) fn run_prompt(
        &mut self,
        command: PromptCommand,
        model: &Model,
        log: &dyn LogSource,
    ) -> Option<Action> {
        let view = &mut self.view;
        match command {
            PromptCommand::Search => {
                view.show(Tab::Logs, model);
                view.source = Source::Units;
                let purpose = PromptPurpose::Search(view.log.position());
                view.prompt = Some(Prompt { text: String::new(), purpose });
            }
            PromptCommand::Filter => view.open_filter_prompt(),
            PromptCommand::SwitchToQuery(to_query) => view.switch_prompt(to_query),
            PromptCommand::Keep => return self.keep_prompt(model),
            PromptCommand::RunQuery => view.run_query(),
            PromptCommand::Cancel => match view.prompt.take().map(|prompt| prompt.purpose) {
                Some(PromptPurpose::Search(start)) => view.log.seek("", start, log),
                Some(PromptPurpose::Filter(list) | PromptPurpose::Query { list, .. }) => {
                    view.filter.set_text(list.filter);
                    view.listing.query = list.query;
                }
                None => {}
            },
            PromptCommand::DeleteOne => self.edit_prompt(|text| _ = text.pop(), log),
            PromptCommand::DeleteAll => self.edit_prompt(String::clear, log),
        }
        None
    }

    /// Closes the prompt of a search or a filter. A filter that is the ID of a workflow opens its page.
    fn keep_prompt(&mut self, model: &Model) -> Option<Action> {
        let view = &mut self.view;
        let prompt = view.prompt.take()?;
        match prompt.purpose {
            PromptPurpose::Search(_) => {
                if view.log.search().is_some_and(|search| search.matches() == 0) {
                    view.log.end_search();
                }
                None
            }
            PromptPurpose::Filter(_) => {
                if !prompt.text.trim().is_empty() {
                    view.select(0, model);
                }
                let id = view.filter.id()?.to_owned();
                let found = Item::all(model)
                    .filter_map(|item| WorkflowCursor::of(item, model))
                    .find(|it| [&it.run.workflow_id, &it.run.run_id].contains(&&id));
                if let Some(found) = found {
                    self.open_page(found);
                    return None;
                }
                let is_listed = !view.workflow_items(model).is_empty();
                (!is_listed && model.state.is_up()).then(|| self.look_for(id))
            }
            PromptPurpose::Query { .. } => None,
        }
    }
}
