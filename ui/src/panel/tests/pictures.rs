//! Snapshots of each panel. Review each change by eye.

use insta::assert_snapshot;

use super::panels;
use super::stage::{
    COMPACT, FULL, READABLE, REDUCED, Stage, TINY, WIDE, and, in_host, pictures, with,
};
use crate::app::view::{Interruption, Overlay, Prompt, Tab};
use crate::demo::sample::{self, SampleLog};
use crate::explorer::{Filter, Move};
use crate::log::Level;
use crate::loss::{Storage, WorkflowCount};
use crate::model::{FailureLimit, Model, StateView, UnservedQueue};

/// A message that does not fit into one row.
const LONG: &str = "the port 7233 is taken by another program (pid 812, nginx)";

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
fn header() {
    let stages = and(
        Stage::states(),
        [
            Stage::new("attached", sample::ready()),
            with("watched, not managed", sample::in_state(StateView::Ready), |it| {
                it.managed = false;
            }),
            with("a long message", sample::in_state(StateView::Backoff), |it| {
                it.message = LONG.into();
            }),
            with("adopted, no web UI", sample::in_state(StateView::Ready), |it| {
                (it.adopted, it.ui_url) = (true, None);
            }),
            fresh(),
        ],
    );
    assert_snapshot!(pictures(FULL, &stages, panels::header));
}

#[test]
fn health() {
    let silent = with("grpc does not answer", sample::ready(), |it| {
        let grpc = &mut it.health[3];
        (grpc.ok, grpc.latency_us, grpc.since_ms) = (Some(false), None, Some(2_000));
        grpc.detail = "no response within 1 s, twice".into();
    });
    assert_snapshot!(pictures(&[WIDE], &and(Stage::states(), [silent, fresh()]), panels::health));
}

#[test]
fn probe() {
    let failing = with("two failures until now", sample::ready(), |it| {
        it.probe.consecutive_failures = 2;
        it.probe.history.extend([crate::model::ProbePoint::Failed; 2]);
    });
    let patient = with("patient, for what is in memory", sample::ready(), |it| {
        it.probe.limit = Some(FailureLimit::Span(15_000));
    });
    let losing = with("eight failures, in memory", sample::ready(), |it| {
        it.probe.limit = Some(FailureLimit::Span(15_000));
        it.probe.consecutive_failures = 8;
        it.probe.history.extend([crate::model::ProbePoint::Failed; 8]);
    });
    let detached = with("twenty failures, and a restart would lose data", sample::ready(), |it| {
        it.probe.consecutive_failures = 20;
        it.probe.no_restart = "data would be lost".into();
        (it.health[4].ok, it.health[4].since_ms) = (Some(false), Some(20_000));
    });
    let stages = and(Stage::states(), [failing, patient, losing, detached, unwatched(), fresh()]);
    assert_snapshot!(pictures(&[WIDE, COMPACT, (200, 50)], &stages, panels::probe));
}

#[test]
fn restarts() {
    assert_snapshot!(pictures(FULL, &and(Stage::states(), [fresh()]), panels::restarts));
}

#[test]
fn resources() {
    let in_memory = with("in memory", sample::ready(), |it| it.storage = Storage::Memory);
    let large = with("much of it", sample::ready(), |it| {
        it.resources.cpu_percent = Some(1_240.0);
        it.resources.rss_bytes = Some(3_900_000_000);
        it.resources.db_bytes = Some(12_000_000_000);
        it.resources.db_path = Some("/srv/somewhere/else/entirely/temporal.db".into());
    });
    let stages = and(Stage::states(), [in_memory, large, unwatched(), fresh()]);
    assert_snapshot!(pictures(&[WIDE], &stages, panels::resources));
}

#[test]
fn workflows() {
    let change = |name, change: fn(&mut crate::model::Workflows)| {
        with(name, sample::with_workflows(), |it| {
            it.workflows.as_mut().into_iter().for_each(change);
        })
    };
    let stages = [
        change("nothing waits", |it| (it.failed, it.unserved) = (0, Vec::new())),
        change("a queue without a worker", |_| {}),
        change("many", |it| {
            (it.running, it.failed) = (12_345, 678);
            it.unserved.push(UnservedQueue {
                name: "a-task-queue-with-a-long-name".into(),
                waiting: 31_000,
            });
            it.unserved.push(UnservedQueue { name: "mail".into(), waiting: 1 });
        }),
    ];
    assert_snapshot!(pictures(FULL, &stages, panels::workflows));
}

#[test]
fn log() {
    let stage = |name: &str| Stage::new(name, sample::ready());
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
        stage("following").acting(|_, _| {}),
        stage("paused").acting(|view, _| view.log.go(Move::PageUp)),
        stage("searched").acting(|view, log| {
            view.log.seek("task", view.log.position(), log);
            view.log.step(false, log);
        }),
        stage("warnings of one component").acting(|view, log| {
            let filter = view.log.filter().next_level().next_level();
            view.log.set_filter(Filter { component: Some(1), ..filter }, log);
        }),
        stage("cleared").acting(|view, log| view.log.clear(log)),
        stage("unfolded, sideways").acting(|view, log| {
            view.log.toggle_folds(log);
            view.log.shift_right();
        }),
        stage("at the top, on a fold").acting(|view, _| {
            view.log.go(Move::First);
            view.log.go(Move::Down(1));
        }),
        stage("three lines selected").acting(|view, _| {
            view.log.go(Move::Up(1));
            view.log.extend(Move::Up(2));
        }),
        long("long lines"),
        long("long lines, wrapped").acting(|view, _| view.log.wrap = true),
        empty,
        Stage { notice: "the server is already running", ..stage("a notice") },
        with("a message of the caller", sample::ready(), |it| {
            it.toast = Some("opening http://127.0.0.1:8233 in the browser of this machine".into());
        }),
    ];
    assert_snapshot!(pictures(&[COMPACT, REDUCED], &stages, panels::main));
    assert_snapshot!("log-wide", pictures(&[WIDE], &stages[..3], panels::main));
}

#[test]
fn timeline() {
    let open = |stage: Stage| stage.acting(|view, _| view.tab = Tab::Timeline);
    let stages = [
        open(Stage::new("three entries", sample::ready())),
        Stage::new("the second one selected", sample::ready()).acting(|view, _| {
            view.tab = Tab::Timeline;
            view.timeline.go(Move::Down(1), &sample::ready().timeline);
        }),
        open(with("given up", sample::ready(), |it| {
            it.timeline[0].kind = crate::model::TimelineKind::GaveUp;
            it.timeline[0].what = "gave up after 5 restarts in 42 s".into();
            it.timeline[0].recovery = String::new();
            it.timeline[1].kind = crate::model::TimelineKind::Stop;
            it.timeline[1].what = "stopped by operator after 12 min".into();
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
fn own_log() {
    let stage =
        Stage::new("the frame around it", sample::ready()).acting(|view, _| view.tab = Tab::OwnLog);
    assert_snapshot!(pictures(READABLE, &[stage], panels::main));
}

#[test]
fn footer() {
    let stages = and(
        Stage::states(),
        [
            fresh(),
            Stage::new("timeline", sample::ready()).acting(|view, _| view.tab = Tab::Timeline),
            Stage::new("own log", sample::ready()).acting(|view, _| view.tab = Tab::OwnLog),
            Stage::new("paused", sample::ready()).acting(|view, _| view.log.go(Move::Up(1))),
            Stage::new("searched", sample::ready())
                .acting(|view, log| view.log.seek("task", view.log.position(), log)),
            Stage::new("typing", sample::ready()).acting(|view, log| {
                view.log.seek("task", view.log.position(), log);
                view.prompt = Some(Prompt { text: "task".into(), start: view.log.position() });
            }),
            Stage::new("typing what is not found", sample::ready()).acting(|view, log| {
                view.log.seek("(", view.log.position(), log);
                view.prompt = Some(Prompt { text: "(".into(), start: view.log.position() });
            }),
            Stage::new("help in front", sample::ready()).acting(|view, _| view.open(Overlay::Help)),
            Stage::new("a line in front", sample::ready())
                .acting(|view, _| view.open(Overlay::Line(3))),
            Stage::new("components in front", sample::ready())
                .acting(|view, _| view.open(Overlay::Components)),
            Stage::new("the question of quitting", in_host())
                .acting(|view, _| view.open(Overlay::Quit)),
            Stage::new("the question of stopping", in_host())
                .acting(|view, _| view.open(Overlay::Confirm(Interruption::Stop))),
        ],
    );
    assert_snapshot!(pictures(READABLE, &stages, panels::footer));
}

/// Draws the explanation of a failure at sizes from enough room to too little room.
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
fn reduced() {
    let long = with("a long message", sample::in_state(StateView::Backoff), |it| {
        it.message = LONG.into();
    });
    let taken = with("a long cause", sample::in_state(StateView::Failed), |it| {
        let cause = "The port 7233 is taken by another program (pid 812, nginx), and so is 8233; Temporal cannot listen there.";
        it.failure.as_mut().into_iter().for_each(|it| it.cause = cause.into());
    });
    let stages = and(Stage::states(), [long, taken, fresh()]);
    assert_snapshot!(pictures(&[REDUCED, (71, 19)], &stages, panels::reduced));
}

#[test]
fn tiny() {
    let quit =
        |name: &str, model| Stage::new(name, model).acting(|view, _| view.open(Overlay::Quit));
    let mut unable = in_host();
    unable.can.background = false;
    let mut in_memory = in_host();
    in_memory.storage = Storage::Memory;
    let uncounted = Model { workflows: None, count: WorkflowCount::Unknown, ..in_memory.clone() };
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
                .acting(|view, _| view.open(Overlay::Confirm(Interruption::Stop))),
            Stage::new("stopping, unknown number?", uncounted)
                .acting(|view, _| view.open(Overlay::Confirm(Interruption::Stop))),
            Stage::new("restarting, in memory?", in_memory.clone())
                .acting(|view, _| view.open(Overlay::Confirm(Interruption::Restart))),
            Stage::new("stopping and quitting, in memory?", in_memory)
                .acting(|view, _| view.open(Overlay::Confirm(Interruption::StopAndQuit))),
        ],
    );
    assert_snapshot!(pictures(
        &[TINY, (39, 9), (120, 4), (20, 3), (20, 2), (20, 1)],
        &stages,
        panels::tiny
    ));
}
