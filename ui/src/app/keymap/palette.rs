//! The palette: one list of all commands with their keys, then namespaces, themes,
//! workflows and signs. Its rows
//! are those of the table of keys, so a new key appears by itself.

use std::borrow::Cow;

use super::binding::{ActionCommand, Binding, Group, KeyCommand};
use super::context::{Context, Scope};
use super::table;
use crate::app::view::{ActionKind, ActionMenu, Item, PaletteChoice, Source, Tab, WorkflowCursor};
use crate::draw::theme::Theme;
use crate::model::Model;

/// Maximum number of workflows in the palette.
const WORKFLOWS: usize = 8;

const SIGNS: [(&str, &str); 8] = [
    ("–", "before a command: it has no effect now"),
    ("✗ ▲ ↻", "a problem: somebody must act, it may heal itself, for your information"),
    (
        "✗5",
        "after a tab: the number of problems for which somebody must act; after a source: its errors",
    ),
    ("✓ ✗ –", "a check passes, fails, does not apply or has not run yet"),
    ("×", "in a graph: a failed check or a failed workflow"),
    ("▸ *", "the selected row, a marked row"),
    ("+", "before lines: routine lines of the server, Enter shows them"),
    ("30 min", "closed workflows of the last 30 minutes"),
];

/// A row of the palette.
pub(crate) struct PaletteRow {
    /// Name of the section.
    pub(crate) heading: &'static str,
    /// The keys as text, or the sign. Empty if there is no key.
    pub(crate) keys: Cow<'static, str>,
    /// A further word by which the row is found.
    label: &'static str,
    pub(crate) text: Cow<'static, str>,
    /// Why the row has no effect now. `None` if it has.
    pub(crate) why_not: Option<&'static str>,
    pub(crate) choice: PaletteChoice,
}

impl PaletteRow {
    /// Returns the row of the table of keys, if a key can be pressed now instead.
    pub(crate) fn binding(&self) -> Option<&'static Binding> {
        match self.choice {
            PaletteChoice::Command(at) if self.why_not.is_none() => table::all().nth(at),
            _ => None,
        }
    }

    /// Whether all words, in lower case, are in the row.
    fn has(&self, words: &[String]) -> bool {
        let all = [self.heading, &self.keys, self.label, &self.text].join(" ").to_lowercase();
        words.iter().all(|word| all.contains(word.as_str()))
    }
}

impl Context<'_> {
    /// Returns the rows that match the text of the palette.
    pub(crate) fn palette(&self) -> Vec<PaletteRow> {
        let text = self.view.palette.text.to_lowercase();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let mut rows = self.commands();
        rows.extend(self.namespaces());
        rows.extend(self.themes());
        if !words.is_empty() {
            rows.extend(self.workflows(&words).take(WORKFLOWS));
        }
        rows.extend(self.unlisted());
        rows.extend(SIGNS.map(|(sign, text)| PaletteRow {
            heading: "Signs",
            keys: sign.into(),
            label: "",
            text: text.into(),
            why_not: Some("a sign, not a command"),
            choice: PaletteChoice::Sign(sign),
        }));
        rows.retain(|row| row.has(&words));
        rows
    }

    /// Returns the position of the selected row of the palette: the row that the user selected, or else the
    /// first row that works and matches the text. Without a text, Enter must not run the first command.
    pub(crate) fn palette_at(&self, rows: &[PaletteRow]) -> Option<usize> {
        let cursor = &self.view.palette;
        let is_selected = |row: &PaletteRow| Some(&row.choice) == cursor.selected.as_ref();
        let runs = |row: &PaletteRow| {
            row.why_not.is_none() && !matches!(row.choice, PaletteChoice::Find(_))
        };
        let first = || {
            let at = rows.iter().position(runs).unwrap_or(0);
            (at < rows.len() && !cursor.text.trim().is_empty()).then_some(at)
        };
        rows.iter().position(is_selected).or_else(first)
    }

    /// Returns the selected row of the palette.
    pub(crate) fn palette_row(&self) -> Option<PaletteRow> {
        let mut rows = self.palette();
        let at = self.palette_at(&rows)?;
        Some(rows.swap_remove(at))
    }

    pub(super) fn selected_runs(&self) -> bool {
        self.palette_row().is_some_and(|row| row.why_not.is_none())
    }

    pub(super) fn why_not_selected(&self) -> &'static str {
        match self.palette_row() {
            Some(row) => row.why_not.unwrap_or_default(),
            None if self.view.palette.text.trim().is_empty() => "no command is selected",
            None => "no command matches",
        }
    }

    /// Returns the scope of the keys behind the palette.
    fn scope_behind(&self) -> Scope {
        if self.workflow().is_some() { Scope::Workflow } else { Scope::Screen }
    }

    /// Returns the rows of the table of keys. The sections of the open tab or page are first.
    fn commands(&self) -> Vec<PaletteRow> {
        let (here, elsewhere): (Vec<Group>, Vec<Group>) =
            Group::IN_PALETTE.into_iter().partition(|group| self.is_here(*group));
        let menu = ActionMenu::new(self.view.targets(self.model));
        let groups = here.into_iter().chain(elsewhere);
        groups.flat_map(|group| self.commands_of(group, &menu)).collect()
    }

    fn commands_of(&self, group: Group, menu: &ActionMenu) -> Vec<PaletteRow> {
        let mut rows: Vec<(&'static Binding, PaletteRow)> = Vec::new();
        let bindings = table::all().enumerate().filter(|(_, binding)| binding.group == group);
        for (at, binding) in bindings {
            let Some(row) = self.command(at, binding, menu) else { continue };
            // Two rows for one key have the same effect at different places.
            let same = rows.iter().position(|(other, _)| {
                other.scope == binding.scope && other.keys.first() == binding.keys.first()
            });
            match same {
                Some(same) if row.why_not.is_none() => rows[same] = (binding, row),
                Some(_) => {}
                None => rows.push((binding, row)),
            }
        }
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Returns a row of the table. `None` if another row does the same here.
    fn command(
        &self,
        at: usize,
        binding: &'static Binding,
        menu: &ActionMenu,
    ) -> Option<PaletteRow> {
        let unit = self.unit().filter(|_| binding.group == Group::Unit);
        let row = |keys: Cow<'static, str>, why_not, choice| PaletteRow {
            heading: binding.group.heading(),
            keys,
            label: binding.short,
            text: match unit {
                Some(worker) => format!("{} the worker {}", binding.short, worker.name).into(),
                None => binding.long.into(),
            },
            why_not,
            choice,
        };
        let (_, command) = *binding.keys.first()?;
        if let KeyCommand::Action(ActionCommand::Choose(kind)) = command {
            let why_not = Some(self.why_not_act(kind, menu)).filter(|why| !why.is_empty());
            let keys = format!("a {}", binding.shown);
            return Some(row(keys.into(), why_not, PaletteChoice::Act(kind)));
        }
        let here = self.scope_behind();
        let why_not = if binding.scope == here {
            (!(binding.works)(self)).then(|| self.why_no_command(binding))
        } else {
            let mut commands = table::in_scope(here).flat_map(|it| it.keys);
            if commands.any(|(_, it)| *it == command) {
                return None;
            }
            Some(match here {
                Scope::Workflow => "close the page first",
                _ => "on the page of a workflow",
            })
        };
        Some(row(binding.shown.into(), why_not, PaletteChoice::Command(at)))
    }

    /// Whether the open tab or page has keys of this section.
    fn is_here(&self, group: Group) -> bool {
        let is_page = self.workflow().is_some();
        let is_own = self.view.source == Source::Stigmer;
        match group {
            Group::Unit | Group::Workers | Group::Program => true,
            Group::Workflow => is_page,
            Group::Action => is_page || self.list().is_some(),
            Group::Rows => !is_page && self.list().is_some(),
            Group::Log => !is_page && self.on(Tab::Logs),
            Group::OwnLog => !is_page && self.on(Tab::Logs) && is_own,
            Group::Dialog => false,
        }
    }

    fn why_no_command(&self, binding: &Binding) -> &'static str {
        match ((binding.why_not)(self), binding.group) {
            ("", Group::Rows) if !self.is_here(Group::Rows) => "on tabs 1 to 3",
            ("", Group::Log) if !self.in_log() => "in a log, tab 4",
            ("", Group::OwnLog) if !self.in_own_log() => "in the log of stigmer, tab 4",
            ("", _) => "no effect here",
            (why, _) => why,
        }
    }

    fn why_not_act(&self, kind: ActionKind, menu: &ActionMenu) -> &'static str {
        match menu.targets.is_empty() {
            true => "select a workflow first",
            false => menu.why_not(kind, self.model),
        }
    }

    fn namespaces(&self) -> impl Iterator<Item = PaletteRow> {
        let Model { namespaces, namespace: shown, .. } = self.model;
        namespaces.iter().map(move |name| PaletteRow {
            heading: "Namespaces",
            keys: "".into(),
            label: "",
            text: format!("namespace {name}").into(),
            why_not: (name == shown).then_some("the shown namespace"),
            choice: PaletteChoice::Namespace(name.clone()),
        })
    }

    fn themes(&self) -> impl Iterator<Item = PaletteRow> {
        let current = self.view.theme;
        Theme::ALL.into_iter().map(move |theme| PaletteRow {
            heading: "Themes",
            keys: "".into(),
            label: "",
            text: format!("theme {}", theme.name()).into(),
            why_not: (theme == current).then_some("the current theme"),
            choice: PaletteChoice::Theme(theme),
        })
    }

    /// Returns the row that looks for a workflow, if the text may be an ID.
    fn unlisted(&self) -> Option<PaletteRow> {
        let id = self.view.palette.text.trim();
        let may_be_id = !id.is_empty() && !id.contains(char::is_whitespace);
        may_be_id.then(|| PaletteRow {
            heading: "Workflows",
            keys: "".into(),
            label: "",
            text: format!("open the workflow with the ID or run ID {id}").into(),
            why_not: (!self.model.state.is_up()).then_some("the server is not running"),
            choice: PaletteChoice::Find(id.to_owned()),
        })
    }

    /// Returns the listed workflows whose ID or type has all words.
    fn workflows<'a>(&'a self, words: &'a [String]) -> impl Iterator<Item = PaletteRow> + 'a {
        let mut seen: Vec<String> = Vec::new();
        let items = Item::all(self.model).filter_map(|item| WorkflowCursor::of(item, self.model));
        items
            .map(|cursor| PaletteRow {
                heading: "Workflows",
                keys: "".into(),
                label: "",
                text: format!("{} › {}", cursor.type_name, cursor.run.workflow_id).into(),
                why_not: None,
                choice: PaletteChoice::Workflow(Box::new(cursor)),
            })
            .filter(move |row| row.has(words))
            .filter(move |row| match &row.choice {
                PaletteChoice::Workflow(cursor) if !seen.contains(&cursor.run.run_id) => {
                    seen.push(cursor.run.run_id.clone());
                    true
                }
                _ => false,
            })
    }
}
