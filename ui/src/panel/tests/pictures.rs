//! Snapshots of each panel. Review each change by eye.

use insta::assert_snapshot;

use super::panels;
use super::stage::{
    COMPACT, FRAMED, FULL, READABLE, REDUCED, Stage, TINY, WIDE, and, in_host, pictures, with,
};
use crate::app::view::{Interruption, ListPrompt, Overlay, Prompt, PromptPurpose, Source, Tab};
use crate::demo::sample::{self, SampleLog};
use crate::explorer::{Filter, Move};
use crate::log::{Level, Noise, SERVER};
use crate::loss::{Storage, WorkflowCount};
use crate::model::{Dismissed, FailureLimit, Model, ProbePoint, StateView};

/// A message that does not fit into the first row.
const LONG: &str = "the port 7233 is taken by another program (pid 812, nginx): waiting for it";

/// A running server without a host.
fn unwatched() -> Stage {
    with("no host", sample::in_state(StateView::Ready), |it| {
        (it.state, it.watched) = (StateView::Degraded, false);
        it.health = Model::default().health;
        (it.probe.last_us, it.probe.p50_us, it.probe.p99_us) = (None, None, None);
        let usage = &mut it.resources;
        (usage.cpu_percent, usage.rss_bytes, usage.db_bytes) = (None, None, None);
    })
}

/// A home without a server so far.
fn fresh() -> Stage {
    let home = Model {
        host_label: "this dashboard".into(),
        home: "~/.stigmer".into(),
        ..Model::default()
    };
    Stage { log: SampleLog::default(), ..Stage::new("a fresh home", home) }
}

#[test]
fn head() {
    let stages = and(
        Stage::states(),
        [
            Stage::new("with problems", sample::with_problems()),
            with("not managed", sample::in_state(StateView::Ready), |it| it.managed = false),
            with("a long message", sample::in_state(StateView::Backoff), |it| {
                it.message = LONG.into();
            }),
            with("no web UI", sample::in_state(StateView::Ready), |it| it.ui_url = None),
            with("large numbers", sample::with_problems(), |it| {
                (it.restarts.total, it.connected_workers) = (1_234, Some(12_345));
                it.counts.as_mut().unwrap().running = 1_234_567;
                it.resources.cpu_percent = Some(1_240.0);
                it.resources.rss_bytes = Some(3_900_000_000);
            }),
            with("a failing check", sample::ready(), |it| {
                it.health[3].ok = Some(false);
                it.probe.history.push(ProbePoint::Failed);
            }),
            with("outdated", sample::ready(), |it| it.as_of = Some("14:02:10".into())),
            unwatched(),
            fresh(),
        ],
    );
    assert_snapshot!(pictures(FRAMED, &stages, panels::head));
}

fn on(tab: Tab, stage: Stage) -> Stage {
    match tab {
        Tab::Overview => stage,
        Tab::Workflows => stage.acting(|view, model, _| view.show(Tab::Workflows, model)),
        Tab::Workers => stage.acting(|view, model, _| view.show(Tab::Workers, model)),
        Tab::Logs => stage.acting(|view, model, _| view.show(Tab::Logs, model)),
        Tab::Server => stage.acting(|view, model, _| view.show(Tab::Server, model)),
    }
}

#[test]
fn overview() {
    let stages = [
        Stage::new("with problems", sample::with_problems()),
        Stage::new("the last problem selected", sample::with_problems())
            .acting(|view, model, _| view.select(7, model)),
        Stage::new("empty", sample::empty()),
        with("two dismissed", sample::with_problems(), |it| {
            it.problems.as_mut().unwrap().truncate(2);
            it.dismissed = Dismissed { problems: 2, workflows: 3 };
        }),
        with("a long message", sample::with_problems(), |it| it.message = LONG.repeat(2)),
        fresh(),
    ];
    let sizes = [WIDE, (100, 24), COMPACT, (72, 20), (60, 20), (50, 12), REDUCED, (200, 50)];
    assert_snapshot!(pictures(&sizes, &stages, panels::main));
}

#[test]
fn server() {
    let failing = with("two failures", sample::ready(), |it| {
        it.probe.consecutive_failures = 2;
        it.probe.history.extend([ProbePoint::Failed; 2]);
        let grpc = &mut it.health[3];
        (grpc.ok, grpc.latency_us, grpc.since_ms) = (Some(false), None, Some(2_000));
        grpc.detail = "no response within 1 s, twice".into();
    });
    let patient = with("in memory", sample::ready(), |it| {
        it.probe.limit = Some(FailureLimit::Span(15_000));
        it.storage = Storage::Memory;
    });
    let losing = with("eight failures, in memory", sample::ready(), |it| {
        it.probe.limit = Some(FailureLimit::Span(15_000));
        it.probe.consecutive_failures = 8;
    });
    let detached = with("failures, and a restart would lose data", sample::ready(), |it| {
        it.probe.consecutive_failures = 20;
        it.probe.no_restart = "data would be lost".into();
        it.storage = Storage::Deleted;
        (it.health[4].ok, it.health[4].since_ms) = (Some(false), Some(20_000));
        it.health[4].detail = "file deleted".into();
    });
    let stages = and(Stage::states(), [failing, patient, losing, detached, unwatched(), fresh()]);
    let stages: Vec<Stage> = stages.into_iter().map(|stage| on(Tab::Server, stage)).collect();
    assert_snapshot!(pictures(FULL, &stages, panels::main));
    assert_snapshot!("server-small", pictures(&[(60, 20), REDUCED], &stages[..4], panels::main));
}

#[test]
fn logs() {
    let stage = |name: &str| on(Tab::Logs, Stage::new(name, sample::ready()));
    let mut long = SampleLog::temporal();
    long.push(
        "21:28:04.000",
        Level::Error,
        "frontend",
        "a line that is longer than any screen is wide, so that it has to be clipped, scrolled or wrapped",
        "error=x trace=one␊two␊three",
    );
    long.push_raw("panic: runtime error: invalid memory address or nil pointer dereference");
    let long = |name: &str| Stage { log: long.clone(), ..stage(name) };
    let empty = Stage { log: SampleLog::default(), ..stage("nothing written yet") };
    let stages = [
        stage("following"),
        stage("paused").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.go(Move::PageUp);
        }),
        stage("searched").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.log.seek("task", view.log.position(), log);
            view.log.step(false, log);
        }),
        stage("warnings of one component").acting(|view, _, log| {
            view.tab = Tab::Logs;
            let filter = view.log.filter().next_level().next_level();
            view.log.set_filter(Filter { component: Some(1), ..filter }, log);
        }),
        stage("cleared").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.log.clear(log);
        }),
        stage("unfolded, sideways").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.log.toggle_folds(log);
            view.log.shift_right();
        }),
        stage("at the top, on a fold").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.go(Move::First);
            view.log.go(Move::Down(1));
        }),
        stage("three lines selected").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.go(Move::Up(1));
            view.log.extend(Move::Up(2));
        }),
        long("long lines"),
        long("long lines, wrapped").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.wrap = true;
        }),
        empty,
        Stage { notice: "the server is already running", ..stage("a notice") },
        on(
            Tab::Logs,
            with("a message of the caller", sample::ready(), |it| {
                it.toast =
                    Some("opening http://127.0.0.1:8233 in the browser of this machine".into());
            }),
        ),
        stage("stigmer's own log").acting(|view, _, _| {
            (view.tab, view.source) = (Tab::Logs, Source::Stigmer);
        }),
    ];
    assert_snapshot!(pictures(&[COMPACT, REDUCED], &stages, panels::main));
    assert_snapshot!("logs-wide", pictures(&[WIDE], &stages[..3], panels::main));
}

#[test]
fn logs_of_units() {
    let mut log = SampleLog::temporal().with_orders();
    let notices = log.push_worker("shipping-notices");
    log.push_raw_of(notices, "a line that was printed, without time and level", false);
    log.push_mark_of(notices, "generation 2");
    log.push_noise_of(notices, Noise::NoServer, 12);
    let text = "a line that is longer than any screen is wide, so that it has to be clipped, scrolled or wrapped";
    log.push_of(notices, "21:28:06.100", Level::Error, text, "order=o-7");
    let stage =
        |name: &str| on(Tab::Logs, Stage { log: log.clone(), ..Stage::new(name, sample::ready()) });
    let stages = [
        stage("all"),
        stage("wrapped").acting(|view, _, _| {
            view.tab = Tab::Logs;
            view.log.wrap = true;
        }),
        stage("one worker").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.show_lines(Some(1), log);
        }),
        stage("the server").acting(|view, _, log| {
            view.tab = Tab::Logs;
            view.show_lines(Some(SERVER), log);
        }),
        stage("warnings").acting(|view, _, log| {
            view.tab = Tab::Logs;
            let filter = view.log.filter().next_level().next_level();
            view.log.set_filter(filter, log);
        }),
    ];
    assert_snapshot!(pictures(READABLE, &stages, panels::main));
}

#[test]
fn timeline() {
    let open = |stage: Stage| on(Tab::Server, stage);
    let stages = [
        Stage::new("the second one selected", sample::ready()).acting(|view, model, _| {
            view.tab = Tab::Server;
            view.timeline.go(Move::Down(1), &model.timeline);
        }),
        open(with("given up", sample::ready(), |it| {
            it.timeline[0].kind = crate::model::TimelineKind::GaveUp;
            it.timeline[0].what = "exit code 1, 5 times in 42 s".into();
            it.timeline[0].recovery = String::new();
            it.timeline[1].kind = crate::model::TimelineKind::Stop;
            it.timeline[1].what = "stopped by you after 12 min".into();
            it.timeline[1].phases.clear();
            it.timeline[1].recovery.clear();
        })),
        open(with("many last log lines", sample::ready(), |it| {
            it.timeline[0].last_words = (1..=20).map(|n| format!("word {n}")).collect();
        })),
        open(with("from other days", sample::ready(), |it| {
            it.timeline[1].day = "Nov 22".into();
            it.timeline[2].day = "Nov 09".into();
        })),
        open(fresh()),
    ];
    assert_snapshot!(pictures(READABLE, &stages, panels::main));
}

#[test]
fn footer() {
    let stages = and(
        Stage::states(),
        [
            fresh(),
            on(Tab::Workflows, Stage::new("workflows", sample::with_problems())),
            on(Tab::Workers, Stage::new("workers", sample::with_problems())),
            on(Tab::Server, Stage::new("server", sample::ready())),
            on(Tab::Logs, Stage::new("logs", sample::ready())),
            Stage::new("own log", sample::ready()).acting(|view, _, _| {
                (view.tab, view.source) = (Tab::Logs, Source::Stigmer);
            }),
            Stage::new("a problem selected", sample::with_problems())
                .acting(|view, model, _| view.select(1, model)),
            Stage::new("an external worker selected", sample::with_problems()).acting(
                |view, model, _| {
                    view.show(Tab::Workers, model);
                    view.select(4, model);
                },
            ),
            Stage::new("searched", sample::ready()).acting(|view, _, log| {
                view.tab = Tab::Logs;
                view.log.seek("task", view.log.position(), log);
            }),
            Stage::new("typing", sample::ready()).acting(|view, _, log| {
                view.tab = Tab::Logs;
                view.log.seek("task", view.log.position(), log);
                let purpose = PromptPurpose::Search(view.log.position());
                view.prompt = Some(Prompt { text: "task".into(), purpose });
            }),
            Stage::new("typing what is not found", sample::ready()).acting(|view, _, log| {
                view.tab = Tab::Logs;
                view.log.seek("(", view.log.position(), log);
                let purpose = PromptPurpose::Search(view.log.position());
                view.prompt = Some(Prompt { text: "(".into(), purpose });
            }),
            Stage::new("typing a filter", sample::with_problems()).acting(|view, model, _| {
                view.show(Tab::Workflows, model);
                view.filter.set_text("!refund".into());
                let purpose = PromptPurpose::Filter(ListPrompt::default());
                view.prompt = Some(Prompt { text: "!refund".into(), purpose });
            }),
            Stage::new("help in front", sample::ready())
                .acting(|view, _, _| view.open(Overlay::Palette)),
            Stage::new("a line in front", sample::ready())
                .acting(|view, _, _| view.open(Overlay::Line(3))),
            Stage::new("sources in front", sample::ready()).acting(|view, _, _| {
                view.tab = Tab::Logs;
                view.open(Overlay::Sources);
            }),
            Stage::new("the question of quitting", in_host())
                .acting(|view, _, _| view.open(Overlay::Quit)),
            Stage::new("the question of stopping", in_host())
                .acting(|view, _, _| view.open(Overlay::Confirm(Interruption::Stop))),
        ],
    );
    assert_snapshot!(pictures(FRAMED, &stages, panels::footer));
}

/// From enough room to too little room.
#[test]
fn failure() {
    let failed = sample::in_state(StateView::Failed);
    let stages = [
        Stage::new("one cause", failed.clone()),
        with("without last words", failed.clone(), |it| {
            it.failure.as_mut().into_iter().for_each(|it| it.last_words.clear());
        }),
        with("a long cause", failed, |it| {
            let cause = "The port 7233 is taken by another program (pid 812, nginx), and so is 8233; Temporal cannot listen there.";
            it.failure.as_mut().into_iter().for_each(|it| it.cause = cause.into());
        }),
    ];
    assert_snapshot!(pictures(&[(116, 10), (76, 12), (76, 6), (76, 4)], &stages, panels::failure));
}

#[test]
fn tiny() {
    let quit =
        |name: &str, model| Stage::new(name, model).acting(|view, _, _| view.open(Overlay::Quit));
    let mut unable = in_host();
    unable.can.background = false;
    let mut in_memory = in_host();
    in_memory.storage = Storage::Memory;
    let uncounted = Model { count: WorkflowCount::Unknown, ..in_memory.clone() };
    let stages = and(
        Stage::states(),
        [
            fresh(),
            Stage {
                notice: "the server is already running",
                ..Stage::new("a notice", sample::ready())
            },
            Stage {
                notice: "external server: not started by stigmer",
                ..Stage::new("a long notice", sample::ready())
            },
            quit("quitting", sample::in_state(StateView::Ready)),
            quit("quitting, with workflows", in_host()),
            quit("quitting, no background", unable),
            Stage::new("stopping?", in_host())
                .acting(|view, _, _| view.open(Overlay::Confirm(Interruption::Stop))),
            Stage::new("stopping, unknown number?", uncounted)
                .acting(|view, _, _| view.open(Overlay::Confirm(Interruption::Stop))),
            Stage::new("restarting, in memory?", in_memory.clone())
                .acting(|view, _, _| view.open(Overlay::Confirm(Interruption::Restart))),
            Stage::new("stopping and quitting, in memory?", in_memory)
                .acting(|view, _, _| view.open(Overlay::Confirm(Interruption::StopAndQuit))),
        ],
    );
    assert_snapshot!(pictures(
        &[TINY, (39, 9), (120, 4), (20, 3), (20, 2), (20, 1)],
        &stages,
        panels::tiny
    ));
}
