//! Properties for every model, size and sequence of inputs.

mod any;

use any::{any_input, any_log, any_model, any_size};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use stigmer_ui::demo::sample::{self, SampleLog};
use stigmer_ui::model::{Model, StateView};
use stigmer_ui::{Action, Input, Key, QuitChoice, Symbols, Theme, Ui};

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn frames_stay_inside_their_area_and_nothing_panics(
        models in prop::collection::vec(any_model(), 1..3),
        log in any_log(),
        steps in prop::collection::vec((any_input(), any_size()), 1..24),
        theme in prop::sample::select(Theme::ALL.to_vec()),
        symbols in prop::sample::select(vec![Symbols::Unicode, Symbols::Ascii]),
    ) {
        const MARGIN: u16 = 2;
        // A character for private use: no generated text contains it.
        const OUTSIDE: char = '\u{E123}';
        let mut ui = Ui::new(theme, symbols);
        for (i, (input, (width, height))) in steps.into_iter().enumerate() {
            let model = &models[i % models.len()];
            ui.handle(input, model, &log);
            let area = Rect::new(MARGIN, MARGIN, width, height);
            let mut buf = Buffer::filled(Rect::new(0, 0, width + 2 * MARGIN, height + 2 * MARGIN), OUTSIDE.into());
            let mut pane = None;
            ui.render(&mut buf, area, model, &log, &mut |own_log, _| pane = Some(own_log.place));
            prop_assert!(pane.is_none_or(|pane| pane.intersection(area) == pane), "{pane:?}");
            for position in buf.area.positions() {
                let symbol = buf[position].symbol();
                let inside = area.contains(position);
                prop_assert_eq!(inside, symbol != OUTSIDE.to_string(), "{:?} {:?}", position, symbol);
                prop_assert!(!symbol.contains(char::is_control), "{:?} {:?}", position, symbol);
                prop_assert!(symbol.len() <= 24, "{:?} {:?}", position, symbol);
                if inside {
                    let columns = unicode_width::UnicodeWidthStr::width(symbol);
                    prop_assert!((1..=2).contains(&columns), "{:?} {:?}", position, symbol);
                    prop_assert!(position.x + columns as u16 <= area.right(), "{:?} {:?}", position, symbol);
                    prop_assert!(symbols == Symbols::Unicode || symbol.is_ascii());
                }
            }
        }
    }

    #[test]
    fn state_is_on_every_screen(state in prop::sample::select(sample::STATES.to_vec()), width in 10..150_u16, height in 1..50_u16) {
        let mut ui = Ui::new(Theme::NoColor, Symbols::Unicode);
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        ui.render(&mut buf, area, &sample::in_state(state), &SampleLog::temporal(), &mut |_, _| {});
        let text: String = buf.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        let word = format!("{state:?}").to_uppercase();
        prop_assert!(text.contains(&word), "{text}");
    }
}

/// All full sizes show the promised facts, in every state.
#[test]
fn full_screens_show_all_promised_facts() {
    for (width, height) in [(80, 24), (120, 36), (200, 60), (100, 24), (81, 40)] {
        for state in sample::STATES {
            let mut ui = Ui::new(Theme::Dark, Symbols::Unicode);
            let area = Rect::new(0, 0, width, height);
            let model = sample::in_state(state);
            let log = SampleLog::temporal();
            let mut text = |keys: &str| -> String {
                for key in keys.chars().map(Key::char) {
                    ui.handle(Input::Key(key), &model, &log);
                }
                let mut buf = Buffer::empty(area);
                ui.render(&mut buf, area, &model, &log, &mut |_, _| {});
                buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
            };
            let first = text("");
            let mut wanted = vec![
                "restarts: crash",
                "127.0.0.1:7233",
                "8233",
                "Log",
                "q quit",
                "? help",
                "1 Overview",
                "5 Server",
            ];
            if model.uptime_ms.is_some() {
                wanted.extend(["up ", " %", " MB"]);
            }
            if state == StateView::Ready {
                wanted.extend([
                    "✓",
                    "210 µs",
                    "running",
                    "Problems",
                    "Workers",
                    "Recent workflows",
                ]);
            }
            for wanted in wanted {
                assert!(first.contains(wanted), "{wanted} at {width}x{height}, {state:?}: {first}");
            }
            if state == StateView::Failed {
                for wanted in ["exited with 1 each time", "not a database", "try again", "away"] {
                    assert!(first.contains(wanted), "{wanted} at {width}x{height}");
                }
            }
            let server = text("5");
            let wanted = [
                "Health",
                "lock",
                "process",
                "tcp",
                "grpc",
                "store",
                "engine",
                "CPU",
                "memory",
                "generation",
                "pid",
                "Restarts",
                "×",
            ];
            for wanted in wanted {
                assert!(
                    server.contains(wanted),
                    "{wanted} at {width}x{height}, {state:?}: {server}"
                );
            }
        }
    }
}

/// Returns all words on the screen, without the line breaks.
fn words(ui: &mut Ui, (width, height): (u16, u16), model: &Model) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    ui.render(&mut buf, area, model, &SampleLog::temporal(), &mut |_, _| {});
    let mut words: Vec<String> = Vec::new();
    for row in buf.content().chunks(width.into()) {
        let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        words.extend(row.split_whitespace().filter(|it| *it != "│").map(str::to_owned));
    }
    words.join(" ")
}

#[test]
fn small_screens_show_cause_and_hints_of_a_failure() {
    let mut model = sample::in_state(StateView::Failed);
    let causes = [
        "the server exited with 1 each time",
        "The port 7233 is taken by another program (pid 812, nginx), and so is 8233; the server cannot listen there.",
    ];
    for cause in causes {
        model.failure.as_mut().unwrap().cause = cause.into();
        for size in [(40, 10), (71, 19), (119, 29), (400, 12)] {
            let text = words(&mut Ui::new(Theme::NoColor, Symbols::Unicode), size, &model);
            for wanted in ["FAILED", cause, "Error: unable to open", "s try again", "· move"] {
                assert!(text.contains(wanted), "{wanted} at {size:?}: {text}");
            }
        }
    }
}

#[test]
fn small_screens_show_a_message_of_one_sentence_completely() {
    for state in [StateView::Degraded, StateView::Backoff, StateView::Stopped] {
        let mut model = sample::in_state(state);
        model.doing = String::new();
        model.message =
            "the port 7233 is taken by another program (pid 812, nginx): waiting for it".into();
        for size in [(40, 10), (80, 24), (39, 8)] {
            let text = words(&mut Ui::new(Theme::NoColor, Symbols::Unicode), size, &model);
            assert!(text.contains(&model.message), "{size:?}: {text}");
        }
    }
}

#[test]
fn smallest_screen_asks_and_takes_answers_by_key_and_mouse() {
    let mut model = sample::with_workflows();
    model.attached = false;
    let log = SampleLog::temporal();
    let cases = [
        ('x', ["Stop the server?", "3 workflows"], 'y', Action::Stop),
        ('r', ["Restart the server?", "3 workflows"], 'y', Action::Restart),
        ('q', ["Server READY", "3 workflows"], 'x', Action::Quit(QuitChoice::StopAndQuit)),
    ];
    for (key, named, answer, action) in cases {
        let mut ui = Ui::new(Theme::NoColor, Symbols::Unicode);
        words(&mut ui, (20, 5), &model);
        ui.handle(Input::Key(Key::char(key)), &model, &log);
        let text = words(&mut ui, (20, 5), &model);
        assert!(named.iter().all(|it| text.contains(it)), "{text}");
        let y = (0..5).find(|y| {
            let click = Input::Click { x: 0, y: *y };
            ui.clone().handle(click, &model, &log).as_ref() == Some(&action)
        });
        assert!(y.is_some(), "{key} has no answer by a click");
        assert_eq!(ui.handle(Input::Key(Key::char(answer)), &model, &log), Some(action));
    }
}

#[test]
fn smallest_screen_shows_a_notice_with_the_state_and_the_keys() {
    let (model, log) = (sample::ready(), SampleLog::temporal());
    let mut ui = Ui::new(Theme::NoColor, Symbols::Unicode);
    words(&mut ui, (20, 5), &model);
    ui.handle(Input::Key(Key::char('s')), &model, &log);
    let text = words(&mut ui, (20, 5), &model);
    for wanted in ["READY", "the server is already running", "x stop", "q quit", "needs 40x10"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}
