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
use crate::model::{
    Model, ProbePoint, Severity, StateView, TimelineKind, WorkerState, WorkflowStatus,
};

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
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&states, size, panels::head);
    }
    all_differ(&states, TINY, panels::tiny);
}

fn on_server(stages: Vec<Stage>) -> Vec<Stage> {
    stages.into_iter().map(|it| it.acting(|view, _, _| view.tab = Tab::Server)).collect()
}

fn on_logs(stages: Vec<Stage>) -> Vec<Stage> {
    stages.into_iter().map(|it| it.acting(|view, _, _| view.tab = Tab::Logs)).collect()
}

#[test]
fn verdicts_differ_in_text() {
    let verdicts = stages(&[Some(true), Some(false), None], |model, ok| {
        model.health.iter_mut().for_each(|layer| layer.ok = ok);
    });
    for size in [WIDE, COMPACT] {
        all_differ(&verdicts, size, panels::head);
    }
    let verdicts = stages(&[Some(true), Some(false), None], |model, ok| model.health[2].ok = ok);
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&on_server(verdicts.clone()), size, panels::main);
    }
}

#[test]
fn failed_check_is_marked_in_the_graph_and_in_the_number() {
    for at in [116, 119] {
        let points = [ProbePoint::Ok(9_000), ProbePoint::Ok(1), ProbePoint::Failed];
        let probes = stages(&points[..], |model, point| model.probe.history[at] = point);
        for size in [WIDE, COMPACT] {
            all_differ(&probes, size, panels::head);
        }
        all_differ(&on_server(probes), REDUCED, panels::main);
    }
}

#[test]
fn old_numbers_differ_from_current_ones() {
    let states =
        stages(&[StateView::Ready, StateView::Stopped], |model, state| model.state = state);
    for size in [WIDE, COMPACT] {
        all_differ(&on_server(states.clone()), size, panels::main);
    }
    let outdated = stages(&[false, true], |model, it| model.as_of = it.then(|| "14:02".into()));
    all_differ(&outdated, WIDE, panels::head);
    all_differ(&outdated, COMPACT, panels::head);
}

#[test]
fn restart_limit_and_recovery_differ_in_text() {
    let windows = stages(&[0, 5], |model, used| model.restarts.in_window = used);
    let repairs = stages(&[Some(131), None], |model, ms| {
        model.restarts.last.as_mut().into_iter().for_each(|it| it.recovery_ms = ms);
    });
    for size in [WIDE, COMPACT] {
        all_differ(&on_server(windows.clone()), size, panels::main);
    }
    all_differ(&on_server(repairs), WIDE, panels::main);
}

#[test]
fn severities_statuses_and_worker_states_differ_in_text() {
    let severities = [Severity::Red, Severity::Amber, Severity::Notice];
    let problems = stages(&severities, |model, severity| {
        model.problems.iter_mut().flatten().for_each(|row| row.severity = severity);
    });
    let statuses = stages(&WorkflowStatus::ALL, |model, status| {
        model.recent.iter_mut().flatten().for_each(|row| row.status = status);
    });
    let states = stages(&WorkerState::ALL, |model, state| {
        model.workers.iter_mut().flatten().for_each(|row| row.state = state);
    });
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&problems, size, panels::main);
        all_differ(&statuses, size, panels::main);
    }
    let states: Vec<Stage> = states
        .into_iter()
        .map(|it| it.acting(|view, model, _| view.show(Tab::Workers, model)))
        .collect();
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&states, size, panels::main);
    }
}

#[test]
fn selected_row_differs_in_text() {
    let stage = |name| Stage::new(name, sample::with_problems());
    let selected = [
        stage("none"),
        stage("the first").acting(|view, model, _| view.select(0, model)),
        stage("the second").acting(|view, model, _| view.select(1, model)),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&selected, size, panels::main);
    }
}

#[test]
fn losses_differ_in_text() {
    let storages = [Storage::File, Storage::Memory, Storage::Deleted, Storage::Replaced];
    let kept = stages(&storages, |model, it| model.storage = it);
    all_differ(&on_server(kept.clone()), WIDE, panels::main);
    all_differ(&on_server(kept.clone()), COMPACT, panels::main);
    for size in [WIDE, COMPACT, REDUCED] {
        // A small screen may cut the cause of a loss, but not the loss.
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
        all_differ(&on_logs(stages.clone()), size, panels::main);
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
        stage("following").acting(|view, _, _| view.tab = Tab::Logs),
        stage("the last but one").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.go(Move::Up(1));
        }),
        stage("two of them").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.extend(Move::Up(1));
        }),
        stage("found").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.log.seek("line 1", view.log.position(), log);
            view.log.go(Move::Last);
        }),
        stage("found and selected").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.log.seek("line 1", view.log.position(), log);
        }),
    ];
    all_differ(&stages, COMPACT, panels::main);
    all_differ(&stages, REDUCED, panels::main);
}

#[test]
fn timeline_kinds_and_the_selected_entry_differ_in_text() {
    let kinds =
        [TimelineKind::Start, TimelineKind::Stop, TimelineKind::Restart, TimelineKind::GaveUp];
    let of_kind = stages(&kinds, |model, kind| model.timeline[0].kind = kind);
    let shown = on_server(of_kind.clone());
    let selected = [
        shown[0].clone(),
        of_kind[0].clone().acting(|view, model, _| {
            view.tab = Tab::Server;
            view.timeline.go(Move::Down(1), &model.timeline);
        }),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&shown, size, panels::main);
        all_differ(&selected, size, panels::main);
        all_differ(&of_kind, size, panels::entry);
    }
}

#[test]
fn selected_source_differs_in_text() {
    let first = Stage::new("first", sample::ready());
    let second = Stage::new("second", sample::ready()).acting(|view, _, _| view.picked = 1);
    all_differ(&[first, second], REDUCED, panels::sources);
}

#[test]
fn open_tab_differs_in_text() {
    let stage =
        |name: &str| Stage { log: SampleLog::default(), ..Stage::new(name, Model::default()) };
    let stages = [
        stage("overview"),
        stage("workflows").acting(|view, _, _| view.tab = Tab::Workflows),
        stage("workers").acting(|view, _, _| view.tab = Tab::Workers),
        stage("logs").acting(|view, _, _| view.tab = Tab::Logs),
        stage("server").acting(|view, _, _| view.tab = Tab::Server),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&stages, size, panels::main);
    }
}

#[test]
fn unavailable_keys_differ_in_the_help() {
    let stages = stages(&[true, false], |model, can| model.can.start = can);
    all_differ(&stages, WIDE, panels::palette);
    all_differ(&stages, REDUCED, panels::palette);
}
