//! Tests that colour is never the only sign: content with different colours also has different
//! text.

use super::panels;
use super::stage::{COMPACT, Draw, REDUCED, Stage, TINY, WIDE};
use crate::app::view::Tab;
use crate::demo::sample::{self, SampleLog};
use crate::draw::theme::{Symbols, Theme};
use crate::explorer::Move;
use crate::log::Level;
use crate::loss::Storage;
use crate::model::{Model, ProbePoint, StateView, TimelineKind};

/// Asserts that all stages differ in text, with both sets of symbols.
fn all_differ(stages: &[Stage], size: (u16, u16), draw: Draw) {
    for symbols in [Symbols::Unicode, Symbols::Ascii] {
        let texts: Vec<String> = stages
            .iter()
            .map(|stage| stage.shoot(size, Theme::NoColor, symbols, draw).text())
            .collect();
        for (i, one) in texts.iter().enumerate() {
            for (other, name) in texts.iter().zip(stages).take(i) {
                assert_ne!(one, other, "{} and {} with {symbols:?}", stages[i].name, name.name);
            }
        }
    }
}

/// Returns one stage for each value. The stages differ only in this value.
fn stages<T: Copy + std::fmt::Debug>(each: &[T], change: impl Fn(&mut Model, T)) -> Vec<Stage> {
    let stage = |one: &T| {
        let mut model = sample::with_workflows();
        change(&mut model, *one);
        Stage::new(format!("{one:?}"), model)
    };
    each.iter().map(stage).collect()
}

#[test]
fn states_differ_in_text() {
    let states = stages(&sample::STATES, |model, state| {
        (model.state, model.doing, model.can) = (state, "the same".into(), Default::default());
    });
    all_differ(&states, WIDE, panels::header);
    all_differ(&states, COMPACT, panels::header);
    all_differ(&states, REDUCED, panels::reduced);
    all_differ(&states, TINY, panels::tiny);
}

#[test]
fn verdicts_differ_in_text() {
    let verdicts = stages(&[Some(true), Some(false), None], |model, ok| model.health[2].ok = ok);
    all_differ(&verdicts, WIDE, panels::health);
    all_differ(&verdicts, COMPACT, panels::header);
    all_differ(&verdicts, REDUCED, panels::reduced);
}

#[test]
fn failed_check_is_marked_in_the_graph_and_in_the_number() {
    for at in [60, 119] {
        let points = [ProbePoint::Ok(210), ProbePoint::Ok(1), ProbePoint::Failed];
        let probes = stages(&points[..], |model, point| model.probe.history[at.max(100)] = point);
        all_differ(&probes, WIDE, panels::probe);
        all_differ(&probes, COMPACT, panels::probe);
        all_differ(&probes, REDUCED, panels::reduced);
    }
}

#[test]
fn old_numbers_differ_from_current_ones() {
    let states =
        stages(&[StateView::Ready, StateView::Stopped], |model, state| model.state = state);
    all_differ(&states, WIDE, panels::probe);
    all_differ(&states, COMPACT, panels::probe);
    all_differ(&states, WIDE, panels::resources);
}

#[test]
fn restart_limit_and_recovery_differ_in_text() {
    let windows = stages(&[0, 5], |model, used| model.restarts.in_window = used);
    all_differ(&windows, COMPACT, panels::restarts);
    let repairs = stages(&[Some(131), None], |model, ms| {
        model.restarts.last.as_mut().into_iter().for_each(|it| it.recovery_ms = ms);
    });
    all_differ(&repairs, WIDE, panels::restarts);
    all_differ(&repairs, COMPACT, panels::restarts);
    let downtimes = stages(&[None, Some(131)], |model, ms| {
        model.restarts.last.as_mut().into_iter().for_each(|it| it.downtime_ms = ms);
    });
    all_differ(&downtimes, WIDE, panels::restarts);
    all_differ(&downtimes, COMPACT, panels::restarts);
    let marks = stages(&[0, 720_000], |model, age| model.restarts.marks = vec![age]);
    all_differ(&marks, WIDE, panels::restarts);
}

#[test]
fn failed_workflows_and_losses_differ_in_text() {
    let failed = stages(&[0, 1], |model, failed| {
        model.workflows.as_mut().into_iter().for_each(|it| it.failed = failed);
    });
    all_differ(&failed, COMPACT, panels::workflows);
    let storages = [Storage::File, Storage::Memory, Storage::Deleted, Storage::Replaced];
    let kept = stages(&storages, |model, it| model.storage = it);
    all_differ(&kept, WIDE, panels::resources);
    for size in [WIDE, COMPACT, REDUCED] {
        // A small screen may omit the cause of a loss, so storages that differ only in the cause
        // look the same. The loss itself must be visible.
        let losses = if size == REDUCED { &kept[..2] } else { &kept[..] };
        all_differ(losses, size, panels::stop);
        all_differ(losses, size, panels::quit);
    }
}

#[test]
fn levels_differ_in_text() {
    let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
    let mut stages = stages(&levels, |_, _| {});
    for (stage, level) in stages.iter_mut().zip(levels) {
        stage.log = SampleLog::default();
        stage.log.push("21:04:11.000", level, "history", "the same", "");
    }
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&stages, size, panels::main);
        all_differ(&stages, size, panels::line);
    }
}

#[test]
fn selected_and_matching_lines_differ_in_text() {
    let stage = |name: &str| {
        let log = SampleLog::numbered(4);
        Stage { log, ..Stage::new(name, sample::ready()) }
    };
    let stages = [
        stage("following"),
        stage("the last but one").acting(|view, _| view.log.go(Move::Up(1))),
        stage("two of them").acting(|view, _| view.log.extend(Move::Up(1))),
        stage("found").acting(|view, log| {
            view.log.seek("line 1", view.log.position(), log);
            view.log.go(Move::Last);
        }),
        stage("found and selected")
            .acting(|view, log| view.log.seek("line 1", view.log.position(), log)),
    ];
    all_differ(&stages, COMPACT, panels::main);
    all_differ(&stages, REDUCED, panels::main);
}

#[test]
fn timeline_kinds_and_the_selected_entry_differ_in_text() {
    let kinds =
        [TimelineKind::Start, TimelineKind::Stop, TimelineKind::Restart, TimelineKind::GaveUp];
    let of_kind = stages(&kinds, |model, kind| model.timeline[0].kind = kind);
    let shown: Vec<Stage> =
        of_kind.iter().map(|it| it.clone().acting(|view, _| view.tab = Tab::Timeline)).collect();
    let selected = [
        shown[0].clone(),
        of_kind[0].clone().acting(|view, _| {
            view.tab = Tab::Timeline;
            view.timeline.go(Move::Down(1), &sample::ready().timeline);
        }),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&shown, size, panels::main);
        all_differ(&selected, size, panels::main);
        all_differ(&of_kind, size, panels::entry);
    }
}

#[test]
fn selected_component_differs_in_text() {
    let first = Stage::new("first", sample::ready());
    let second = Stage::new("second", sample::ready()).acting(|view, _| view.picked = 1);
    all_differ(&[first, second], REDUCED, panels::components);
}

#[test]
fn open_tab_differs_in_text() {
    let stage =
        |name: &str| Stage { log: SampleLog::default(), ..Stage::new(name, Model::default()) };
    let stages = [
        stage("log"),
        stage("timeline").acting(|view, _| view.tab = Tab::Timeline),
        stage("own log").acting(|view, _| view.tab = Tab::OwnLog),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&stages, size, panels::main);
    }
}

#[test]
fn unavailable_keys_differ_in_the_help() {
    let stages = stages(&[true, false], |model, can| model.can.start = can);
    all_differ(&stages, WIDE, panels::help);
    all_differ(&stages, REDUCED, panels::help);
}
