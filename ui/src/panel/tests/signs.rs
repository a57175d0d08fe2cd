//! Colour is never the only sign: what two colours tell apart, two texts do.

use super::panels;
use super::stage::{COMPACT, Draw, REDUCED, Stage, TINY, WIDE};
use crate::app::view::Tab;
use crate::demo::sample::{self, SampleLog};
use crate::draw::theme::{Symbols, Theme};
use crate::explorer::Move;
use crate::log::Level;
use crate::loss::Storage;
use crate::model::{Model, ProbePoint, StateView, TimelineKind};

/// All of these look different on a terminal without colours, with both sets of symbols.
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

/// One stage for each of these, which differ in nothing else.
fn stages<T: Copy + std::fmt::Debug>(each: &[T], change: impl Fn(&mut Model, T)) -> Vec<Stage> {
    let stage = |one: &T| {
        let mut model = sample::with_workflows();
        change(&mut model, *one);
        Stage::new(format!("{one:?}"), model)
    };
    each.iter().map(stage).collect()
}

#[test]
fn states_are_words() {
    let states = stages(&sample::STATES, |model, state| {
        (model.state, model.doing, model.can) = (state, "the same".into(), Default::default());
    });
    all_differ(&states, WIDE, panels::header);
    all_differ(&states, COMPACT, panels::header);
    all_differ(&states, REDUCED, panels::reduced);
    all_differ(&states, TINY, panels::tiny);
}

#[test]
fn verdicts_have_a_sign_each() {
    let verdicts = stages(&[Some(true), Some(false), None], |model, ok| model.health[2].ok = ok);
    all_differ(&verdicts, WIDE, panels::health);
    all_differ(&verdicts, COMPACT, panels::header);
    all_differ(&verdicts, REDUCED, panels::reduced);
}

#[test]
fn a_failed_probe_is_marked_in_the_graph_and_in_the_number() {
    for at in [60, 119] {
        let points = [ProbePoint::Ok(210), ProbePoint::Ok(1), ProbePoint::Failed];
        let probes = stages(&points[..], |model, point| model.probe.history[at.max(100)] = point);
        all_differ(&probes, WIDE, panels::probe);
        all_differ(&probes, COMPACT, panels::probe);
        all_differ(&probes, REDUCED, panels::reduced);
    }
}

#[test]
fn the_figures_of_the_last_run_are_not_taken_for_new_ones() {
    let states =
        stages(&[StateView::Ready, StateView::Stopped], |model, state| model.state = state);
    all_differ(&states, WIDE, panels::probe);
    all_differ(&states, COMPACT, panels::probe);
    all_differ(&states, WIDE, panels::resources);
}

#[test]
fn a_used_up_window_and_a_repair_are_told_in_figures_and_words() {
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
fn failed_workflows_and_what_is_lost_are_said() {
    let failed = stages(&[0, 1], |model, failed| {
        model.workflows.as_mut().into_iter().for_each(|it| it.failed = failed);
    });
    all_differ(&failed, COMPACT, panels::workflows);
    let storages = [Storage::File, Storage::Memory, Storage::Deleted, Storage::Replaced];
    let kept = stages(&storages, |model, it| model.storage = it);
    all_differ(&kept, WIDE, panels::resources);
    for size in [WIDE, COMPACT, REDUCED] {
        // On a small screen the cause of a loss may be cut, never the loss.
        let told = if size == REDUCED { &kept[..2] } else { &kept[..] };
        all_differ(told, size, panels::stop);
        all_differ(told, size, panels::quit);
    }
}

#[test]
fn levels_are_words() {
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
fn a_line_is_marked_as_chosen_and_as_found() {
    let stage = |name: &str| {
        let log = SampleLog::numbered(4);
        Stage { log, ..Stage::new(name, sample::ready()) }
    };
    let stages = [
        stage("following"),
        stage("the last but one").acting(|view, _| view.log.go(Move::Up(1))),
        stage("two of them").acting(|view, _| view.log.extend(Move::Up(1))),
        stage("found").acting(|view, log| {
            view.log.seek("line 1", view.log.place(), log);
            view.log.go(Move::Last);
        }),
        stage("found and chosen")
            .acting(|view, log| view.log.seek("line 1", view.log.place(), log)),
    ];
    all_differ(&stages, COMPACT, panels::main);
    all_differ(&stages, REDUCED, panels::main);
}

#[test]
fn entries_have_a_sign_each_and_one_is_marked_as_chosen() {
    let kinds =
        [TimelineKind::Start, TimelineKind::Stop, TimelineKind::Restart, TimelineKind::GaveUp];
    let of_kind = stages(&kinds, |model, kind| model.timeline[0].kind = kind);
    let shown: Vec<Stage> =
        of_kind.iter().map(|it| it.clone().acting(|view, _| view.tab = Tab::Timeline)).collect();
    let chosen = [
        shown[0].clone(),
        of_kind[0].clone().acting(|view, _| {
            view.tab = Tab::Timeline;
            view.timeline.go(Move::Down(1), &sample::ready().timeline);
        }),
    ];
    for size in [WIDE, COMPACT, REDUCED] {
        all_differ(&shown, size, panels::main);
        all_differ(&chosen, size, panels::main);
        all_differ(&of_kind, size, panels::entry);
    }
}

#[test]
fn the_picked_component_is_marked() {
    let first = Stage::new("first", sample::ready());
    let second = Stage::new("second", sample::ready()).acting(|view, _| view.picked = 1);
    all_differ(&[first, second], REDUCED, panels::components);
}

#[test]
fn the_open_tab_is_marked() {
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
fn the_help_says_which_keys_do_nothing_now() {
    let stages = stages(&[true, false], |model, can| model.can.start = can);
    all_differ(&stages, WIDE, panels::help);
    all_differ(&stages, REDUCED, panels::help);
}
