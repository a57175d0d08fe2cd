//! Sample models and logs, for tests and pictures.

mod log;
pub mod pages;
mod work;

pub use log::SampleLog;

use crate::loss::{WorkflowCount, WorkflowTotals};
use crate::model::{
    Commands, FailureLimit, FailureView, LastRestart, LayerView, Model, Phase, ProbePoint,
    ProbeView, ResourcesView, RestartLimit, RestartsView, StateView, TimelineKind, TimelineRow,
};

/// Returns a ready server after two restarts, as an attached dashboard shows it.
#[must_use]
pub fn ready() -> Model {
    let mut history: Vec<_> = (0..120_u64)
        .map(|i| {
            ProbePoint::Ok(150 + (i * 7_919 + i * i * 31) % 120 + if i % 23 == 5 { 620 } else { 0 })
        })
        .collect();
    history[104..107].fill(ProbePoint::Failed);
    Model {
        host_label: "background host 4711".into(),
        home: "~/.stigmer".into(),
        attached: true,
        state: StateView::Ready,
        generation: 3,
        pid: Some(4712),
        uptime_ms: Some(4_320_000),
        version: Some("1.9.1".into()),
        server_version: Some("1.32.0".into()),
        address: Some("127.0.0.1:7233".into()),
        ui_url: Some("http://127.0.0.1:8233".into()),
        restarts: RestartsView {
            total: 2,
            in_window: 0,
            limit: Some(RestartLimit { max: 5, window_ms: 60_000 }),
            last: Some(LastRestart {
                cause: "crash".into(),
                detail: "signal 9 (SIGKILL)".into(),
                ago_ms: 720_000,
                recovery_ms: Some(131),
                downtime_ms: None,
            }),
        },
        probe: ProbeView {
            last_us: Some(210),
            p50_us: Some(200),
            p99_us: Some(900),
            history,
            period_ms: Some(1_000),
            limit: Some(FailureLimit::Count(3)),
            consecutive_failures: 0,
            no_restart: String::new(),
        },
        health: layers(&[Some(12), Some(40), Some(90), Some(210), Some(400), Some(900)]),
        resources: ResourcesView {
            cpu_percent: Some(2.5),
            cpu_history: (0..60)
                .map(|i| 1.5 + ((i * 37) % 11) as f32 / 4.0 + if i % 17 == 3 { 5.0 } else { 0.0 })
                .collect(),
            rss_bytes: Some(148_000_000),
            rss_history: (0..60).map(|i| 96_000_000 + i * 880_000).collect(),
            db_path: Some("~/.stigmer/temporal-data/temporal.db".into()),
            db_bytes: Some(12_400_000),
        },
        timeline: timeline(),
        can: Commands { start: false, stop: true, restart: true, background: true },
        leaving: false,
        ..work::healthy()
    }
}

/// Returns a ready server with running workflows.
#[must_use]
pub fn with_workflows() -> Model {
    let count = WorkflowCount::Current(WorkflowTotals { running: 3, closed: 312 });
    Model { count, ..ready() }
}

/// Returns a ready server with problems of every kind.
#[must_use]
pub fn with_problems() -> Model {
    pages::retrying(work::in_trouble(ready()))
}

/// Returns a ready server without workers, workflows and problems.
#[must_use]
pub fn empty() -> Model {
    work::without_work(ready())
}

/// Returns a ready server with `n` problems and `n` workflows.
#[must_use]
pub fn with_many_rows(n: usize) -> Model {
    work::with_rows(n, ready())
}

/// Returns four models: a ready server, two moments of the repair after its crash, and the ready
/// server afterwards.
#[must_use]
pub fn repair() -> [Model; 4] {
    let before = with_workflows();
    let crash = LastRestart {
        cause: "crash".into(),
        detail: "signal 9 (SIGKILL)".into(),
        ago_ms: 0,
        recovery_ms: None,
        downtime_ms: None,
    };
    let restarts = RestartsView {
        total: 3,
        in_window: 1,
        last: Some(crash.clone()),
        ..before.restarts.clone()
    };
    let probed = |points: &[ProbePoint]| {
        let history = [&before.probe.history[points.len()..], points].concat();
        ProbeView { history, ..before.probe.clone() }
    };
    let since = |ms, health: [LayerView; 6]| {
        health.map(|it| LayerView { since_ms: it.since_ms.map(|_| ms), ..it })
    };
    let starting = |doing: &str, latencies: [Option<u64>; 6]| Model {
        state: StateView::Starting,
        doing: doing.into(),
        generation: 4,
        pid: Some(4890),
        uptime_ms: Some(90),
        health: since(0, layers(&latencies)),
        restarts: restarts.clone(),
        probe: probed(&[ProbePoint::Failed]),
        ..before.clone()
    };
    let crash_row = TimelineRow {
        id: 4,
        clock: "21:28:39".into(),
        generation: 3,
        what: "killed by signal 9 after 12 min".into(),
        recovery: "down for 138 ms".into(),
        phases: phases([0, 2, 2, 92, 23, 6, 13]),
        last_words: vec![
            "21:28:03.004 WARN  matching  Task queue \"billing\" has no poller, backlog grows"
                .into(),
        ],
        ..timeline().remove(0)
    };
    let repaired = Model {
        generation: 4,
        pid: Some(4890),
        uptime_ms: Some(1_000),
        restarts: RestartsView {
            last: Some(LastRestart { ago_ms: 1_000, recovery_ms: Some(138), ..crash }),
            ..restarts.clone()
        },
        probe: probed(&[ProbePoint::Failed, ProbePoint::Ok(210)]),
        health: since(1_000, before.health.clone()),
        timeline: [crash_row].into_iter().chain(timeline()).collect(),
        ..before.clone()
    };
    [
        before.clone(),
        starting("waiting for port 7233", [Some(12), Some(40), None, None, None, None]),
        starting("waiting for the database", [Some(12), Some(40), Some(90), Some(210), None, None]),
        repaired,
    ]
}

fn layers(latencies: &[Option<u64>; 6]) -> [LayerView; 6] {
    let mut layers = Model::default().health;
    for (layer, latency) in layers.iter_mut().zip(latencies) {
        layer.ok = latency.map(|_| true);
        layer.latency_us = *latency;
        layer.since_ms = latency.map(|_| 720_000);
    }
    layers
}

fn phases(ms: [u64; 7]) -> Vec<Phase> {
    ["seen", "cleaned", "spawned", "tcp", "grpc", "store", "engine"]
        .into_iter()
        .zip(ms)
        .map(|(name, ms)| Phase { name: name.into(), ms })
        .collect()
}

fn timeline() -> Vec<TimelineRow> {
    vec![
        TimelineRow {
            id: 3,
            day: String::new(),
            clock: "21:16:39".into(),
            worker: String::new(),
            generation: 2,
            kind: TimelineKind::Restart,
            what: "killed by signal 9 after 12 min".into(),
            recovery: "down for 131 ms".into(),
            phases: phases([1, 6, 2, 84, 21, 4, 13]),
            last_words: vec![
                "21:16:39.402 INFO  matching  Created gRPC listener".into(),
                "21:16:39.418 INFO  history   Get dynamic config name=history.shardUpdateMinInterval".into(),
            ],
        },
        TimelineRow {
            id: 2,
            day: String::new(),
            clock: "21:04:11".into(),
            worker: String::new(),
            generation: 1,
            kind: TimelineKind::Restart,
            what: "no response for 3 s".into(),
            recovery: "down for 3.2 s".into(),
            phases: phases([3_001, 9, 2, 88, 20, 4, 12]),
            last_words: Vec::new(),
        },
        TimelineRow {
            id: 1,
            day: String::new(),
            clock: "20:04:02".into(),
            worker: String::new(),
            generation: 1,
            kind: TimelineKind::Start,
            what: "started by you".into(),
            recovery: "ready in 212 ms (new database)".into(),
            phases: phases([0, 0, 2, 160, 21, 9, 20]).split_off(2),
            last_words: Vec::new(),
        },
    ]
}

/// Returns a model in a state, as the dashboard of the host shows it.
#[must_use]
pub fn in_state(state: StateView) -> Model {
    let base = Model { host_label: "this dashboard".into(), attached: false, state, ..ready() };
    let down = Model {
        pid: None,
        uptime_ms: None,
        health: Model::default().health,
        resources: ResourcesView { cpu_percent: None, rss_bytes: None, ..base.resources.clone() },
        can: Commands { start: true, stop: false, restart: false, background: true },
        ..base.clone()
    };
    match state {
        StateView::Ready => base,
        StateView::Stopped => Model { doing: String::new(), state_age_ms: Some(180_000), message: "3 running workflows in the database".into(), ..down },
        StateView::Starting => Model {
            doing: "waiting for a response".into(),
            uptime_ms: Some(120),
            health: layers(&[Some(12), Some(40), Some(90), None, None, None]),
            generation: 4,
            ..base
        },
        StateView::Degraded => Model {
            message: "database file deleted, a restart loses 7 running workflows".into(),
            health: {
                let mut health = base.health.clone();
                health[4] = LayerView { ok: Some(false), latency_us: None, detail: "file deleted".into(), since_ms: Some(31_000), ..health[4].clone() };
                health
            },
            ..base
        },
        StateView::Stopping => Model {
            doing: "stopping, then restart".into(),
            can: Commands { start: false, stop: true, restart: false, background: true },
            ..base
        },
        StateView::Backoff => Model {
            doing: "restart in 0.8 s, 2 of 5 restarts in 1 min".into(),
            can: Commands { start: true, stop: true, restart: true, background: true },
            restarts: RestartsView {
                total: 3,
                in_window: 2,
                last: Some(LastRestart { cause: "crash".into(), detail: "exit 1".into(), ago_ms: 400, recovery_ms: None, downtime_ms: None }),
                ..base.restarts.clone()
            },
            probe: ProbeView { history: [base.probe.history.as_slice(), &[ProbePoint::Failed; 4]].concat(), ..base.probe.clone() },
            ..down
        },
        StateView::Failed => Model {
            message: "exit code 1, 5 times in 42 s".into(),
            failure: Some(FailureView {
                cause: "the server exited with 1 each time".into(),
                last_words: vec![
                    "time=2026-11-22T21:16:41.020 level=ERROR msg=\"unable to set up database\"".into(),
                    "Error: unable to open database file: ~/.stigmer/temporal-data/temporal.db is not a database (26)".into(),
                ],
                hints: vec![
                    "s  try again".into(),
                    "move ~/.stigmer/temporal-data/temporal.db away, then press s".into(),
                ],
            }),
            restarts: RestartsView {
                total: 7,
                in_window: 5,
                last: Some(LastRestart { cause: "crash".into(), detail: "exit 1".into(), ago_ms: 2_000, recovery_ms: None, downtime_ms: None }),
                ..base.restarts.clone()
            },
            probe: ProbeView { last_us: None, history: [base.probe.history.as_slice(), &[ProbePoint::Failed; 6]].concat(), ..base.probe.clone() },
            ..down
        },
    }
}

/// All states.
pub const STATES: [StateView; 7] = [
    StateView::Stopped,
    StateView::Starting,
    StateView::Ready,
    StateView::Degraded,
    StateView::Stopping,
    StateView::Backoff,
    StateView::Failed,
];
