//! The items of the lists in front of the screen: sources of the log, and types of workflows.

use std::collections::BTreeMap;

use super::{Overlay, Source, View};
use crate::explorer::{self, Filter};
use crate::log::LogSource;
use crate::model::Model;

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PickItem {
    /// Empty for lines without a component.
    pub(crate) name: String,
    /// Whether the item is a part of the item above.
    pub(crate) is_part: bool,
    /// Number of lines or rows. `None` if unknown.
    pub(crate) count: Option<u64>,
    choice: Choice,
}

/// Effect of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// The log of the server: all lines, or those of one component.
    Server(Option<u16>),
    Stigmer,
    /// All workflows, or those of one type.
    Type(Option<String>),
}

/// Returns the items of an open list. Empty for other overlays.
pub(crate) fn items(overlay: Overlay, model: &Model, log: &dyn LogSource) -> Vec<PickItem> {
    match overlay {
        Overlay::Sources => sources(log),
        Overlay::Types => types(model),
        _ => Vec::new(),
    }
}

fn sources(log: &dyn LogSource) -> Vec<PickItem> {
    let server = PickItem {
        name: "server".into(),
        is_part: false,
        count: Some(log.len() as u64),
        choice: Choice::Server(None),
    };
    let stigmer =
        PickItem { name: "stigmer".into(), is_part: false, count: None, choice: Choice::Stigmer };
    let components = explorer::components(log).into_iter().map(|(id, lines)| PickItem {
        name: log.component(id).into(),
        is_part: true,
        count: Some(lines),
        choice: Choice::Server(Some(id)),
    });
    std::iter::once(server).chain(components).chain([stigmer]).collect()
}

fn types(model: &Model) -> Vec<PickItem> {
    let problems = model.problems.iter().flatten();
    let problems = problems.filter(|row| row.kind.is_of_workflows()).map(|row| &row.type_name);
    let names = problems.chain(model.recent.iter().flatten().map(|row| &row.type_name));
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    let mut all = 0;
    for name in names {
        *counts.entry(name).or_default() += 1;
        all += 1;
    }
    let item = |name: &str, count, choice| PickItem {
        name: name.into(),
        is_part: false,
        count: Some(count),
        choice,
    };
    let types =
        counts.into_iter().map(|(name, rows)| item(name, rows, Choice::Type(Some(name.clone()))));
    std::iter::once(item("all", all, Choice::Type(None))).chain(types).collect()
}

impl View {
    /// Opens a list, with the current choice selected.
    pub(crate) fn open_list(&mut self, list: Overlay, model: &Model, log: &dyn LogSource) {
        self.open(list);
        let current = match (list, self.source) {
            (Overlay::Types, _) => Choice::Type(self.filter.type_name.clone()),
            (_, Source::Server) => Choice::Server(self.log.filter().component),
            (_, Source::Stigmer) => Choice::Stigmer,
        };
        let at = items(list, model, log).iter().position(|item| item.choice == current);
        self.picked = at.unwrap_or(0);
    }

    /// Closes the list and applies the selected item.
    pub(crate) fn take_picked(&mut self, model: &Model, log: &dyn LogSource) {
        let Some(list) = self.overlay.take() else { return };
        let item = items(list, model, log).into_iter().nth(self.picked);
        match item.map(|item| item.choice) {
            Some(Choice::Server(component)) => {
                self.source = Source::Server;
                self.log.set_filter(Filter { component, ..*self.log.filter() }, log);
            }
            Some(Choice::Stigmer) => self.source = Source::Stigmer,
            Some(Choice::Type(type_name)) => self.filter.type_name = type_name,
            None => {}
        }
    }
}
