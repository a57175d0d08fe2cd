//! The items of the lists in front of the screen: sources of the log, and types of workflows.

use std::collections::BTreeMap;

use super::{Overlay, Source, View};
use crate::explorer::{self, Filter};
use crate::log::{LogSource, SERVER};
use crate::model::Model;

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PickItem {
    /// Empty for lines without a component.
    pub(crate) name: String,
    /// Whether the item is a part of the item above.
    pub(crate) is_part: bool,
    /// Number of lines or workflows. `None` if unknown.
    pub(crate) count: Option<u64>,
    choice: Choice,
}

/// Effect of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// The lines of the unit with this number, or of all units.
    Lines(Option<u16>),
    /// The lines of this component of the server.
    Component(u16),
    /// The own log of stigmer.
    Stigmer,
    /// All workflows, or those of one type.
    Type(Option<String>),
}

/// Returns the items of an open list. Empty for other overlays.
pub(crate) fn items(
    view: &View,
    list: Overlay,
    model: &Model,
    log: &dyn LogSource,
) -> Vec<PickItem> {
    match list {
        Overlay::Sources => sources(log),
        Overlay::Types => types(view, model),
        _ => Vec::new(),
    }
}

/// Returns the sources of lines with their numbers of lines, and the components of the server.
fn sources(log: &dyn LogSource) -> Vec<PickItem> {
    let item =
        |name: &str, count, choice| PickItem { name: name.into(), is_part: false, count, choice };
    let lines =
        |name: &str, unit| item(name, Some(explorer::lines(log, unit)), Choice::Lines(unit));
    let all = (log.units().len() > 1).then(|| lines("all", None));
    let components = || {
        explorer::components(log).into_iter().map(|(id, lines)| PickItem {
            is_part: true,
            ..item(log.component(id), Some(lines), Choice::Component(id))
        })
    };
    let units = log.units().iter().flat_map(|(unit, name)| {
        let parts = (*unit == SERVER).then(components);
        std::iter::once(lines(name, Some(*unit))).chain(parts.into_iter().flatten())
    });
    all.into_iter().chain(units).chain([item("stigmer", None, Choice::Stigmer)]).collect()
}

/// Returns the types of the listed workflows without a filter, or of those that the query has found.
fn types(view: &View, model: &Model) -> Vec<PickItem> {
    let has_query = view.listing.query.is_some();
    let found = view.found(model).and_then(|found| found.rows.as_ref());
    let recent = if has_query { found } else { model.recent.as_ref() };
    let problems = model.problems.iter().flatten().filter(|_| !has_query);
    let of_workflows = problems.filter(|row| row.kind.is_of_workflows());
    let problems = of_workflows.flat_map(|row| {
        let own = Some((&row.type_name, row.count)).filter(|_| row.waiting().is_empty());
        own.into_iter().chain(row.waiting().iter().map(|it| (&it.type_name, 1)))
    });
    let recent = recent.into_iter().flatten().map(|row| (&row.type_name, 1));
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    let mut all = 0;
    for (name, workflows) in problems.chain(recent) {
        let count = counts.entry(name).or_default();
        *count = u64::saturating_add(*count, workflows);
        all = u64::saturating_add(all, workflows);
    }
    let item = |name: &str, count, choice| PickItem {
        name: name.into(),
        is_part: false,
        count: Some(count),
        choice,
    };
    let types =
        counts.into_iter().map(|(name, count)| item(name, count, Choice::Type(Some(name.clone()))));
    std::iter::once(item("all", all, Choice::Type(None))).chain(types).collect()
}

impl View {
    /// Opens a list, with the current choice selected.
    pub(crate) fn open_list(&mut self, list: Overlay, model: &Model, log: &dyn LogSource) {
        self.open(list);
        let current = match (list, self.source) {
            (Overlay::Types, _) => Choice::Type(self.filter.type_name.clone()),
            (_, Source::Stigmer) => Choice::Stigmer,
            (_, Source::Units) => match *self.log.filter() {
                Filter { component: Some(component), .. } => Choice::Component(component),
                Filter { unit, .. } => Choice::Lines(unit),
            },
        };
        let at = items(self, list, model, log).iter().position(|item| item.choice == current);
        self.picked = at.unwrap_or(0);
    }

    /// Closes the list and applies the selected item.
    pub(crate) fn take_picked(&mut self, model: &Model, log: &dyn LogSource) {
        let Some(list) = self.overlay.take() else { return };
        let item = items(self, list, model, log).into_iter().nth(self.picked);
        match item.map(|item| item.choice) {
            Some(Choice::Lines(unit)) => self.show_lines(unit, log),
            Some(Choice::Component(component)) => {
                self.show_lines(Some(SERVER), log);
                let component = Some(component);
                self.log.set_filter(Filter { component, ..*self.log.filter() }, log);
            }
            Some(Choice::Stigmer) => self.source = Source::Stigmer,
            Some(Choice::Type(type_name)) => self.filter.type_name = type_name,
            None => {}
        }
    }
}
