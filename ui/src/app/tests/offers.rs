//! Tests of the keys that the screen offers: they work, all working keys are offered if there is
//! room, and a click does what the key does.

#[path = "../../../tests/any/mod.rs"]
mod any;

use any::{any_input, any_log, any_model, any_size};
use proptest::prelude::*;

use super::*;
use crate::app::keymap::{Binding, Group};
use crate::app::view::{PromptPurpose, RowList};
use crate::draw::cluster::width;
use crate::loss::{Storage, WorkflowCount};
use crate::panel::footer;
use crate::panel::scene::{Click, LogName};

/// Gap between two keys of the footer.
const GAP: u16 = 2;
/// Maximum columns of the search pattern if the keys need the rest of the footer.
const PATTERN: u16 = 24;
/// Maximum columns of a query if the keys need the rest of the footer.
const QUERY: u16 = 48;

/// The view after some inputs, each followed by a frame, and the last frame.
struct Session {
    ui: Ui,
    model: Model,
    log: SampleLog,
    buf: Buffer,
}

impl Session {
    fn after(model: Model, log: SampleLog, steps: Vec<(Input, (u16, u16))>) -> Self {
        let mut session =
            Self { ui: ui(), model, log, buf: Buffer::empty(Rect::new(0, 0, 80, 24)) };
        // The query of `any_model`.
        session.ui.view.listing.query = session.model.found.as_ref().map(|it| it.query.clone());
        session.draw();
        for (input, (width, height)) in steps {
            session.ui.handle(input, &session.model, &session.log);
            session.buf = Buffer::empty(Rect::new(0, 0, width, height));
            session.draw();
        }
        session
    }

    fn draw(&mut self) {
        let area = self.buf.area;
        self.ui.render(&mut self.buf, area, &self.model, &self.log, &mut |_, _| {});
    }

    fn context(&self) -> Context<'_> {
        Context { view: &self.ui.view, model: &self.model, log: &self.log }
    }

    fn row(&self, y: u16) -> String {
        self.row_from(0, y)
    }

    fn row_from(&self, x: u16, y: u16) -> String {
        let cells = (x..self.buf.area.width).map(|x| self.buf[(x, y)].symbol());
        cells.collect()
    }

    /// Applies an input to a copy of the view. Returns the resulting action and the changed copy.
    fn try_input(&self, input: Input) -> (Option<Action>, Ui) {
        let mut ui = self.ui.clone();
        (ui.handle(input, &self.model, &self.log), ui)
    }

    /// Whether a key returns an action or changes the view. A notice alone is not an effect.
    fn is_effective(&self, key: Key) -> bool {
        let (action, ui) = self.try_input(Input::Key(key));
        action.is_some() || ui.view != self.ui.view
    }

    fn works(&self, binding: &Binding) -> bool {
        (binding.works)(&self.context())
    }

    fn is_typed(&self, key: Key) -> bool {
        let types = matches!(key.code, KeyCode::Char(_)) && !key.ctrl;
        match self.context().scope() {
            Scope::Prompt | Scope::Form | Scope::Palette => types,
            Scope::Approve => {
                let is_digit = matches!(key.code, KeyCode::Char(c) if c.is_ascii_digit());
                types && is_digit && self.ui.view.menu.asks_for_number()
            }
            _ => false,
        }
    }

    fn is_tiny(&self) -> bool {
        self.ui.view.shape == Shape::Tiny
    }

    fn asks(&self) -> bool {
        matches!(self.context().scope(), Scope::Quit | Scope::Confirm)
    }

    /// Whether the screen has room for the footer.
    fn has_footer(&self) -> bool {
        !self.is_tiny() || self.buf.area.height >= 3 && !self.asks()
    }

    fn clickable(&self, binding: &Binding) -> bool {
        let is_it = |click: &Click| matches!(click, Click::Key(key) if binding.keys.iter().any(|(own, _)| own == key));
        self.ui.map.clicks.iter().any(|(_, click)| is_it(click))
    }
}

fn text(binding: &Binding) -> String {
    format!("{} {}", binding.shown, binding.short)
}

fn any_session() -> impl Strategy<Value = Session> {
    let all: Vec<Key> = keymap::all().flat_map(|it| it.keys).map(|(key, _)| *key).collect();
    let offered = prop::sample::select(all).prop_map(Input::Key);
    let step = (prop_oneof![2 => offered, 1 => any_input()], any_size());
    let model = prop_oneof![any_model(), Just(sample::with_workflows())];
    let log = prop_oneof![any_log(), (0..4_u64).prop_map(SampleLog::numbered)];
    (model, log, prop::collection::vec(step, 1..12))
        .prop_map(|(model, log, steps)| Session::after(model, log, steps))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = (0..self.buf.area.height).map(|y| self.row(y) + "\n").collect::<String>();
        write!(
            f,
            "{:?} {:?} {}\n{rows}",
            self.buf.area,
            self.context().scope(),
            self.model.problems.is_some()
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn key_has_an_effect_exactly_if_its_binding_works(session in any_session()) {
        let scope = session.context().scope();
        for binding in keymap::in_scope(scope).filter(|it| session.works(it)) {
            let does = binding.keys.iter().any(|(key, _)| session.is_effective(*key));
            prop_assert!(does, "{} is offered and has no effect", binding.shown);
        }
        for (key, _) in keymap::all().flat_map(|it| it.keys).filter(|(key, _)| !session.is_typed(*key)) {
            let offered = keymap::in_scope(scope)
                .any(|it| session.works(it) && it.keys.iter().any(|(own, _)| own.same(*key)));
            prop_assert!(offered || !session.is_effective(*key), "{key:?} has an effect and is not offered");
        }
    }

    #[test]
    fn footer_shows_exactly_the_working_keys_that_fit(session in any_session()) {
        if !session.has_footer() || session.buf.area.is_empty() {
            return Ok(());
        }
        // The reason why a query is refused takes the room of the keys.
        if session.ui.view.prompt_answer(&session.model).is_some_and(|it| !it.error.is_empty()) {
            return Ok(());
        }
        let scope = session.context().scope();
        let mut wanted: Vec<&Binding> =
            keymap::in_scope(scope).filter(|it| !it.short.is_empty() && session.works(it)).collect();
        // The name of the unit has room if one of its keys works, and precedes these keys.
        let is_of_unit = |it: &&&Binding| it.group == Group::Unit;
        let unit = match wanted.iter().any(|it| is_of_unit(&it)) {
            true => width(&footer::unit(&session.context(), session.buf.area.width)),
            false => 0,
        };
        let names_unit = wanted.iter().filter(is_of_unit).any(|it| session.clickable(it));
        let from = if names_unit { 1 + unit } else { 0 };
        let last_row = session.row_from(from, session.buf.area.height - 1);
        let pieces: Vec<&str> = last_row.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        if scope != Scope::Prompt {
            for piece in &pieces {
                prop_assert!(wanted.iter().any(|it| text(it) == *piece), "{piece:?} does not work");
            }
        }
        wanted.sort_by_key(|it| it.rank);
        let prompt = match session.ui.view.prompt.as_ref().map(|prompt| &prompt.purpose) {
            _ if scope != Scope::Prompt => 0,
            Some(PromptPurpose::Query { .. }) => QUERY,
            _ => PATTERN,
        };
        let mut room = session.buf.area.width.saturating_sub(1 + prompt + unit);
        for binding in wanted {
            let columns = width(&text(binding));
            if pieces.contains(&text(binding).as_str()) {
                prop_assert!(session.clickable(binding), "{} cannot be clicked", binding.shown);
                room = room.saturating_sub(columns + GAP);
            } else {
                prop_assert!(columns > room, "{} works, has room, and is not shown", binding.shown);
            }
        }
    }

    #[test]
    fn every_answer_of_a_dialog_is_listed_and_can_be_clicked(
        session in any_session(), (width, height) in (20..130_u16, 3..40_u16), key in prop::sample::select(vec!['q', 'x', 'r']), unknown: bool,
    ) {
        let mut session = session;
        session.model = sample::with_workflows();
        session.model.attached = false;
        if unknown {
            session.model.count = WorkflowCount::Unknown;
            session.model.storage = Storage::Memory;
        }
        session.ui = ui();
        session.draw();
        press(&mut session.ui, Key::char(key), &session.model, &session.log);
        session.buf = Buffer::empty(Rect::new(0, 0, width, height));
        session.draw();
        prop_assert!(session.asks());
        for binding in keymap::choices(session.context().scope(), &session.context()) {
            prop_assert!(session.clickable(binding), "{} at {width}x{height}", binding.shown);
            let listed = (0..height).any(|y| session.row(y).split_whitespace().any(|it| it == binding.shown));
            prop_assert!(listed, "{} at {width}x{height}", binding.shown);
        }
    }

    #[test]
    fn clicks_are_on_the_screen_and_do_what_their_key_does(session in any_session()) {
        for (place, _) in &session.ui.map.clicks {
            prop_assert_eq!(place.intersection(session.buf.area), *place);
            let Some((x, y)) = place.positions().next().map(|at| (at.x, at.y)) else { continue };
            let Some(click) = session.ui.map.click_at((x, y)) else { panic!("nothing at {x},{y}") };
            let (action, clicked) = session.try_input(Input::Click { x, y });
            match click {
                Click::Key(key) => {
                    let mut pressed = session.ui.clone();
                    if session.context().scope() == Scope::Prompt && matches!(key.code, KeyCode::Char(_)) && !key.ctrl {
                        // A character would be text for the prompt.
                        pressed.view.drop_prompt();
                    }
                    let same = pressed.handle(Input::Key(key), &session.model, &session.log);
                    prop_assert_eq!(action, same);
                    prop_assert_eq!((clicked.view, clicked.notice), (pressed.view, pressed.notice), "{:?}", key);
                }
                Click::PaletteKey(key) => {
                    let mut pressed = session.ui.clone();
                    pressed.view.overlay = None;
                    let same = pressed.handle(Input::Key(key), &session.model, &session.log);
                    prop_assert_eq!(action, same);
                    prop_assert_eq!((clicked.view, clicked.notice), (pressed.view, pressed.notice), "{:?}", key);
                }
                Click::Line(line) => {
                    let row = clicked.view.log.current();
                    prop_assert!(row.is_some_and(|row| (row.first..=row.last).contains(&line)));
                }
                Click::Entry(entry) => {
                    let rows = &session.model.timeline;
                    prop_assert_eq!(rows[clicked.view.timeline.selected(rows)].id, entry);
                }
                Click::Row(at) => {
                    let list = clicked.view.list().map(RowList::at);
                    prop_assert!(list == Some(Some(at)) || clicked.view != session.ui.view);
                }
                Click::PageLine(line) => {
                    let selected = clicked.view.workflow.and_then(|cursor| cursor.selected);
                    prop_assert_eq!(selected, Some(line));
                }
                Click::PaletteRow(at) => {
                    let row = session.context().palette().remove(at);
                    if let Some(why) = row.why_not {
                        prop_assert_eq!((action, clicked.notice), (None, why));
                        prop_assert_eq!(clicked.view.overlay, Some(Overlay::Palette));
                    }
                }
                Click::Namespaces => prop_assert_eq!(clicked.view.overlay, Some(Overlay::Palette)),
                Click::Source(LogName::Stigmer) => {
                    prop_assert_eq!(clicked.view.source, Source::Stigmer);
                }
                Click::Source(LogName::Lines(unit)) => {
                    prop_assert_eq!(clicked.view.source, Source::Units);
                    prop_assert_eq!(clicked.view.log.filter().unit, unit);
                }
                Click::Field(field) => prop_assert_eq!(clicked.view.menu.field, field),
                Click::Pick(_) => prop_assert_eq!(clicked.view.overlay, None),
            }
        }
    }
}
