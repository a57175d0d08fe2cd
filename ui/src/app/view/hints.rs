//! The commands that empty sections of the overview teach.

use crate::model::Model;

/// Section of the overview that teaches while it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptySection {
    Workers,
    Recent,
}

/// A command line, and its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandHint {
    pub(crate) section: EmptySection,
    pub(crate) command: &'static str,
    pub(crate) effect: &'static str,
}

/// All commands. Their positions are the numbers of [`Item::Hint`](super::rows::Item::Hint).
pub(crate) const HINTS: [CommandHint; 2] = [
    CommandHint {
        section: EmptySection::Workers,
        command: "eval \"$(stigmer local env)\"",
        effect: "sets TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE in your shell",
    },
    CommandHint {
        section: EmptySection::Recent,
        command: "temporal workflow start --type NAME --task-queue QUEUE --workflow-id ID",
        effect: "",
    },
];

/// Returns the numbers of the commands to show. A section teaches only while the server can be used
/// and is known to have no rows.
pub(crate) fn hints(model: &Model, section: EmptySection) -> impl Iterator<Item = usize> {
    let is_empty = match section {
        EmptySection::Workers => model.workers.as_ref().is_some_and(Vec::is_empty),
        EmptySection::Recent => model.recent.as_ref().is_some_and(Vec::is_empty),
    };
    let shows = is_empty && model.state.is_up();
    let of_section = move |number: &usize| shows && HINTS[*number].section == section;
    (0..HINTS.len()).filter(of_section)
}
