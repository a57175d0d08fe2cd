//! The dialogs of the actions on workflows: the menu, the fields of an action, and the question
//! before it. Each shows the command of the Temporal CLI that does the same.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::question::{self, Question};
use crate::app::keymap::{self, ActionCommand, Binding, Context, Group, KeyCommand, Scope};
use crate::app::view::{ActionKind, ActionMenu, ActionStep, Unlisted};
use crate::draw::cluster::{tail, width, wrap_in};
use crate::draw::layout::{middle, row, split_top};
use crate::draw::paint::{self, Pen};
use crate::human;
use crate::panel::scene::{Canvas, Click, Scene, dialog_box, framed_note};

const WIDTH: u16 = 76;
/// Maximum rows of the command.
const COMMAND: usize = 4;
/// Maximum number of workflow IDs in a question.
const NAMED: usize = 5;
/// Columns before the label of an entry of the menu.
const LETTER: u16 = 5;
/// Columns of the name of a field.
const NAME: u16 = 7;

/// Draws a dialog in the middle of `area`. Returns its place.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Rect, step: ActionStep) -> Rect {
    match step {
        ActionStep::Menu => menu(canvas, area),
        ActionStep::Form => form(canvas, area),
        ActionStep::Approve => approve(canvas, area),
    }
}

/// Returns the command of the selected action, in rows.
fn command(menu: &ActionMenu, scene: Scene<'_>, columns: u16, rows: usize) -> Vec<String> {
    let command = menu.request().command(scene.model.address.as_deref());
    wrap_in(&command, columns, rows)
}

fn menu(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let scene @ Scene { model, log, palette, .. } = canvas.scene;
    let context = Context { view: canvas.view, model, log };
    let menu = &canvas.view.menu;
    let entries: Vec<(&Binding, ActionKind)> =
        keymap::in_scope(Scope::Actions).filter_map(|it| Some((it, kind(it)?))).collect();
    let count = entries.len() as u16;
    let columns = WIDTH.min(area.width);
    let room = usize::from(area.height.saturating_sub(count + 3)).min(COMMAND);
    let command = match context.offers(menu.kind) {
        true => command(menu, scene, columns.saturating_sub(4), room),
        false => Vec::new(),
    };
    // The height is the same for each entry, so that the entries do not move.
    let below = if room > 0 { 1 + room as u16 } else { 0 };
    let targets: Vec<_> = menu.targets.iter().collect();
    let place = middle(area, columns, count + 2 + below);
    let title = match of_all(menu, targets.len()) {
        Some(numbers) => format!("{numbers} (the others are not listed)"),
        None => ActionMenu::names(&targets),
    };
    let inside = dialog_box(canvas.buf, place, &title, scene);
    let (list, rest) = split_top(inside, inside.height.saturating_sub(below));
    let at = entries.iter().position(|(_, kind)| *kind == menu.kind).unwrap_or(0);
    let first = (at + 1).saturating_sub(list.height.into());
    for (number, (binding, kind)) in (0..list.height).zip(entries.iter().skip(first)) {
        let line = row(list, number);
        let is_selected = *kind == menu.kind;
        if is_selected {
            canvas.buf.set_style(line, palette.cursor);
        }
        let (why, label) = (context.why_no_action(*kind), label(binding, *kind, menu));
        let (key, text) = match why {
            "" => (palette.key, palette.text()),
            _ => (palette.dim, palette.dim),
        };
        // On a narrow screen the label is more important. The key of the entry shows the reason.
        let has_room = LETTER + width(&label) + 1 + width(why) <= line.width;
        let why = if has_room { why } else { "" };
        let taken = paint::flush_right(canvas.buf, line, 0, &[(why, palette.dim)]);
        let mut pen = Pen::row(canvas.buf, line, 0);
        pen.reserve(taken).put(if is_selected { "▸ " } else { "  " }, palette.key);
        pen.left(binding.shown, LETTER - 2, key).put(&label, text);
        if let Some((key, _)) = binding.keys.first() {
            canvas.map.add(line, Click::Key(*key));
        }
    }
    for (number, line) in (1..).zip(&command) {
        Pen::row(canvas.buf, rest, number).put(line, palette.dim);
    }
    let hidden = entries.len().saturating_sub(list.height.into());
    if hidden > 0 {
        let edge = paint::edge(place, place.height.saturating_sub(1));
        framed_note(canvas.buf, edge, &[(&format!("{hidden} more ↑↓"), palette.dim)]);
    }
    place
}

/// Returns the action of a row of the table of keys, if the row is an entry of the menu.
fn kind(binding: &Binding) -> Option<ActionKind> {
    match binding.keys.first() {
        Some((_, KeyCommand::Action(ActionCommand::Choose(kind))))
            if binding.group == Group::Action =>
        {
            Some(*kind)
        }
        _ => None,
    }
}

/// Returns the text of an entry: with the type of the activity, and dots if a dialog follows.
fn label(binding: &Binding, kind: ActionKind, menu: &ActionMenu) -> String {
    let activity = menu.targets.iter().find_map(|target| target.activity.as_ref());
    match (kind, activity) {
        (ActionKind::Retry, Some(activity)) => {
            format!("start the next attempt of {} now", activity.type_name)
        }
        _ if menu.has_dialog(kind) => format!("{} …", binding.long),
        _ => binding.long.to_owned(),
    }
}

fn form(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let scene @ Scene { palette, .. } = canvas.scene;
    let menu = &canvas.view.menu;
    let names = menu.kind.fields();
    let columns = WIDTH.min(area.width);
    let inner = columns.saturating_sub(4);
    let fields = names.len() as u16;
    let room = usize::from(area.height.saturating_sub(fields + 4)).min(COMMAND);
    let command = command(menu, scene, inner, room);
    let place = middle(area, columns, fields + 4 + room as u16);
    let title = title(menu, "");
    let inside = dialog_box(canvas.buf, place, &title, scene);
    for (at, name) in names.iter().enumerate() {
        let line = row(inside, at as u16);
        let is_selected = at == menu.field;
        let mut pen = Pen::row(canvas.buf, line, 0);
        pen.left(name, NAME, if is_selected { palette.key } else { palette.dim });
        // The end of a long text is shown, because the user types there.
        let room = pen.room().saturating_sub(1);
        pen.put(tail(&menu.fields[at], room), palette.strong);
        pen.put(if is_selected { "▏" } else { "" }, palette.accent);
        canvas.map.add(line, Click::Field(at));
    }
    let (text, style) = match (menu.json_error(), menu.kind) {
        (Some(error), _) => (format!("not JSON: {error}"), palette.warn),
        (None, ActionKind::ResetTo) => (reset_points(menu, inner), palette.dim),
        (None, _) => {
            ("JSON is the argument, such as {\"a\": 1}; empty: none".to_owned(), palette.dim)
        }
    };
    Pen::row(canvas.buf, inside, fields).put(&text, style);
    for (number, line) in (fields + 2..).zip(&command) {
        Pen::row(canvas.buf, inside, number).put(line, palette.dim);
    }
    place
}

/// Returns the events from which a reset can continue, as many as fit into `columns`:
/// `ends of workflow tasks: 14 (failed), 9 (last good), 4`.
fn reset_points(menu: &ActionMenu, columns: u16) -> String {
    let Some(good) = menu.reset_points.iter().position(|it| it.is_completed) else {
        return "ID of the event that completed, failed or started a workflow task".to_owned();
    };
    let mut text = String::new();
    for (at, point) in menu.reset_points.iter().enumerate() {
        let remark = match point.is_completed {
            true if at == good => " (last good)",
            true => "",
            false => " (failed)",
        };
        let begin = if at == 0 { "ends of workflow tasks: " } else { ", " };
        let more = format!("{begin}{}{remark}", point.event);
        if at > 0 && width(&text).saturating_add(width(&more)) > columns {
            break;
        }
        text += &more;
    }
    text
}

/// Returns the title of a dialog of one action: `Signal a and b`.
fn title(menu: &ActionMenu, end: &str) -> String {
    let concerned = menu.concerned(menu.kind);
    let what = of_all(menu, concerned.len()).unwrap_or_else(|| match concerned.len() {
        1 | 2 => ActionMenu::names(&concerned),
        n => human::counted(n as u64, "workflow", "workflows"),
    });
    format!("{} {what}{end}", menu.kind.verb())
}

/// Returns the numbers of workflows, if not all are listed: `51 of 200 workflows`.
fn of_all(menu: &ActionMenu, listed: usize) -> Option<String> {
    let all = menu.unlisted.of_all(listed)?;
    Some(format!("{} of {all} workflows", human::count(listed as u64)))
}

fn approve(canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let scene @ Scene { palette, .. } = canvas.scene;
    let menu = &canvas.view.menu;
    let concerned = menu.concerned(menu.kind);
    let mut text: Vec<(String, Style)> = Vec::new();
    if menu.asks_for_number() {
        let number = concerned.len();
        let verb = menu.kind.verb().to_lowercase();
        let typed = format!("Type {number} to {verb} them: {}▏", menu.number);
        text.push((typed, palette.strong));
        let named: Vec<&str> =
            concerned.iter().take(NAMED).map(|it| it.workflow_id.as_str()).collect();
        let more = match number - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push((named.join(", ") + &more, palette.text()));
    }
    text.push((effect(menu), palette.warn));
    if menu.unlisted != Unlisted::default() {
        text.push(("The others are not listed and stay as they are.".to_owned(), palette.warn));
    }
    let columns = question::WIDTH.min(area.width).saturating_sub(4);
    let command = command(menu, scene, columns, COMMAND);
    text.extend(command.into_iter().map(|line| (line, palette.dim)));
    let title = title(menu, "?");
    question::draw(canvas, area, &Question { title: &title, text, scope: Scope::Approve, note: "" })
}

/// Returns what the action does to the workflows.
fn effect(menu: &ActionMenu) -> String {
    let is_one = !menu.asks_for_number();
    let text = match (menu.kind, is_one) {
        (ActionKind::Terminate, true) => "It ends at once; its code cannot clean up.",
        (ActionKind::Terminate, false) => "They end at once; their code cannot clean up.",
        (ActionKind::ResetLast, true) => {
            "A new run continues from the last good workflow task. This run ends."
        }
        (ActionKind::ResetLast, false) => {
            "New runs continue from the last good workflow tasks. These runs end."
        }
        (ActionKind::ResetTo, _) => "A new run continues from this event. This run ends.",
        (ActionKind::Delete, true) => {
            "The run and its history are deleted for good. An open workflow is terminated first."
        }
        (ActionKind::Delete, false) => {
            "The runs and their histories are deleted for good. Open workflows are terminated first."
        }
        (ActionKind::Signal, _) => "Each of them gets the signal.",
        (ActionKind::Cancel, _) => "Their code can clean up.",
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::cluster::width;

    #[test]
    fn every_action_is_an_entry_of_the_menu_in_its_order() {
        let entries: Vec<ActionKind> = keymap::in_scope(Scope::Actions).filter_map(kind).collect();
        assert_eq!(entries, ActionKind::ALL);
        for binding in keymap::in_scope(Scope::Actions).filter(|it| kind(it).is_some()) {
            assert!(!["s", "x", "r"].contains(&binding.shown), "{}", binding.shown);
            assert!(width(binding.long) <= 40, "{}", binding.long);
        }
    }
}
