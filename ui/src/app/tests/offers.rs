//! What is offered works, what works is offered as far as there is room, and a click is a key.

#[path = "../../../tests/any/mod.rs"]
mod any;

use any::{any_input, any_log, any_model, any_size};
use proptest::prelude::*;

use super::*;
use crate::app::keymap::Binding;
use crate::draw::cluster::width;
use crate::loss::{Count, Storage};
use crate::panel::scene::Click;

/// Between two keys of the footer.
const GAP: u16 = 2;
/// What a pattern may take from its keys.
const PATTERN: u16 = 24;

/// The view after some inputs, each followed by a frame of some size; and the last frame.
struct Seen {
    ui: Ui,
    model: Model,
    log: SampleLog,
    buf: Buffer,
}

impl Seen {
    fn after(model: Model, log: SampleLog, steps: Vec<(Input, (u16, u16))>) -> Self {
        let mut seen = Self { ui: ui(), model, log, buf: Buffer::empty(Rect::new(0, 0, 80, 24)) };
        seen.draw();
        for (input, (width, height)) in steps {
            seen.ui.handle(input, &seen.model, &seen.log);
            seen.buf = Buffer::empty(Rect::new(0, 0, width, height));
            seen.draw();
        }
        seen
    }

    fn draw(&mut self) {
        let area = self.buf.area;
        self.ui.render(&mut self.buf, area, &self.model, &self.log, &mut |_, _| {});
    }

    fn context(&self) -> Context<'_> {
        Context { view: &self.ui.view, model: &self.model, log: &self.log }
    }

    fn row(&self, y: u16) -> String {
        let cells = (0..self.buf.area.width).map(|x| self.buf[(x, y)].symbol());
        cells.collect()
    }

    /// The action, and the view after it.
    fn tried(&self, input: Input) -> (Option<Action>, Ui) {
        let mut ui = self.ui.clone();
        (ui.handle(input, &self.model, &self.log), ui)
    }

    /// Whether a key does something: an action, or a change of the view. A refusal is not one.
    fn is_effective(&self, key: Key) -> bool {
        let (action, ui) = self.tried(Input::Key(key));
        action.is_some() || ui.view != self.ui.view
    }

    fn works(&self, binding: &Binding) -> bool {
        (binding.works)(&self.context())
    }

    fn is_typed(&self, key: Key) -> bool {
        let types = matches!(key.code, KeyCode::Char(_)) && !key.ctrl;
        self.context().scope() == Scope::Prompt && types
    }

    fn is_tiny(&self) -> bool {
        self.ui.view.shape == Shape::Tiny
    }

    fn asks(&self) -> bool {
        matches!(self.context().scope(), Scope::Quit | Scope::Confirm)
    }

    /// A small screen needs its few rows for more than keys.
    fn has_footer(&self) -> bool {
        !self.is_tiny() || self.buf.area.height >= 3 && !self.asks()
    }

    fn clickable(&self, binding: &Binding) -> bool {
        let is_it = |click: &Click| matches!(click, Click::Key(key) if binding.keys.iter().any(|(own, _)| own == key));
        self.ui.placed.hot.iter().any(|(_, click)| is_it(click))
    }
}

fn told(binding: &Binding) -> String {
    format!("{} {}", binding.shown, binding.short)
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let all: Vec<Key> = keymap::all().flat_map(|it| it.keys).map(|(key, _)| *key).collect();
    let offered = prop::sample::select(all).prop_map(Input::Key);
    let step = (prop_oneof![2 => offered, 1 => any_input()], any_size());
    let model = prop_oneof![any_model(), Just(sample::with_workflows())];
    let log = prop_oneof![any_log(), (0..4_u64).prop_map(SampleLog::numbered)];
    (model, log, prop::collection::vec(step, 1..12))
        .prop_map(|(model, log, steps)| Seen::after(model, log, steps))
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = (0..self.buf.area.height).map(|y| self.row(y) + "\n").collect::<String>();
        write!(
            f,
            "{:?} {:?} {}\n{rows}",
            self.buf.area,
            self.context().scope(),
            self.model.workflows.is_some()
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_key_does_something_exactly_if_it_is_said_to_work(seen in any_seen()) {
        let scope = seen.context().scope();
        for binding in keymap::in_scope(scope).filter(|it| seen.works(it)) {
            let does = binding.keys.iter().any(|(key, _)| seen.is_effective(*key));
            prop_assert!(does, "{} is offered and does nothing", binding.shown);
        }
        for (key, _) in keymap::all().flat_map(|it| it.keys).filter(|(key, _)| !seen.is_typed(*key)) {
            let offered = keymap::in_scope(scope)
                .any(|it| seen.works(it) && it.keys.iter().any(|(own, _)| own.same(*key)));
            prop_assert!(offered || !seen.is_effective(*key), "{key:?} works and is not offered");
        }
    }

    #[test]
    fn the_footer_shows_exactly_the_keys_that_work_as_far_as_there_is_room(seen in any_seen()) {
        if !seen.has_footer() || seen.buf.area.is_empty() {
            return Ok(());
        }
        let scope = seen.context().scope();
        let last_row = seen.row(seen.buf.area.height - 1);
        let pieces: Vec<&str> = last_row.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        let mut wanted: Vec<&Binding> =
            keymap::in_scope(scope).filter(|it| !it.short.is_empty() && seen.works(it)).collect();
        if scope != Scope::Prompt {
            for piece in &pieces {
                prop_assert!(wanted.iter().any(|it| told(it) == *piece), "{piece:?} does not work");
            }
        }
        wanted.sort_by_key(|it| it.rank);
        let mut room = seen.buf.area.width.saturating_sub(1 + if scope == Scope::Prompt { PATTERN } else { 0 });
        for binding in wanted {
            let columns = width(&told(binding));
            if pieces.contains(&told(binding).as_str()) {
                prop_assert!(seen.clickable(binding), "{} cannot be clicked", binding.shown);
                room = room.saturating_sub(columns + GAP);
            } else {
                prop_assert!(columns > room, "{} works, has room, and is not shown", binding.shown);
            }
        }
    }

    #[test]
    fn every_answer_to_a_question_is_listed_and_can_be_clicked(
        seen in any_seen(), (width, height) in (20..130_u16, 3..40_u16), key in prop::sample::select(vec!['q', 'x', 'r']), unknown: bool,
    ) {
        let mut seen = seen;
        seen.model = sample::with_workflows();
        seen.model.attached = false;
        if unknown {
            seen.model.count = Count::Unknown;
            seen.model.storage = Storage::Memory;
        }
        seen.ui = ui();
        seen.draw();
        press(&mut seen.ui, Key::char(key), &seen.model, &seen.log);
        seen.buf = Buffer::empty(Rect::new(0, 0, width, height));
        seen.draw();
        prop_assert!(seen.asks());
        for binding in keymap::choices(seen.context().scope(), &seen.context()) {
            prop_assert!(seen.clickable(binding), "{} at {width}x{height}", binding.shown);
            let listed = (0..height).any(|y| seen.row(y).split_whitespace().any(|it| it == binding.shown));
            prop_assert!(listed, "{} at {width}x{height}", binding.shown);
        }
    }

    #[test]
    fn what_can_be_clicked_lies_on_the_screen_and_does_what_its_key_does(seen in any_seen()) {
        for (place, _) in &seen.ui.placed.hot {
            prop_assert_eq!(place.intersection(seen.buf.area), *place);
            let Some((x, y)) = place.positions().next().map(|at| (at.x, at.y)) else { continue };
            let Some(click) = seen.ui.placed.at((x, y)) else { panic!("nothing at {x},{y}") };
            let (action, clicked) = seen.tried(Input::Click { x, y });
            match click {
                Click::Key(key) => {
                    let (same, pressed) = seen.tried(Input::Key(key));
                    prop_assert_eq!(action, same);
                    prop_assert_eq!((clicked.view, clicked.notice), (pressed.view, pressed.notice), "{:?}", key);
                }
                Click::InHelp(key) => {
                    let mut pressed = seen.ui.clone();
                    pressed.view.overlay = None;
                    let same = pressed.handle(Input::Key(key), &seen.model, &seen.log);
                    prop_assert_eq!(action, same);
                    prop_assert_eq!((clicked.view, clicked.notice), (pressed.view, pressed.notice), "{:?}", key);
                }
                Click::Line(line) => {
                    let row = clicked.view.log.current();
                    prop_assert!(row.is_some_and(|row| (row.first..=row.last).contains(&line)));
                }
                Click::Entry(entry) => {
                    let rows = &seen.model.timeline;
                    prop_assert_eq!(rows[clicked.view.timeline.chosen(rows)].id, entry);
                }
                Click::Pick(_) => prop_assert_eq!(clicked.view.overlay, None),
            }
        }
    }
}
