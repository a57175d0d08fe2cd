use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The snapshot of a host that has just started: no server and no history.
pub(crate) fn snapshot() -> Snapshot {
    let layers = Layer::ALL.map(|name| LayerStatus {
        name,
        ok: None,
        latency_us: None,
        detail: String::new(),
        since_ms: Some(0),
    });
    Snapshot {
        seq: 0,
        status: Status {
            schema: SCHEMA,
            state: State::Stopped,
            intent: Want::Down,
            managed: true,
            message: String::new(),
            host: Some(HostStatus {
                pid: 7,
                mode: Mode::Background,
                version: "0.1.0".into(),
                uptime_ms: 0,
            }),
            temporal: None,
            restarts: RestartStatus::default(),
            health: HealthStatus {
                layers: layers.to_vec(),
                latency_us: Latency::default(),
                consecutive_failures: 0,
                no_restart: None,
            },
            log: LogStatus { lines: 0, path: "/h/logs/temporal.log".into() },
            options: EffectiveOptions::default(),
            broken_projects: vec![],
            workers: vec![],
        },
        next_start_ms: None,
        in_a_row: 0,
        state_ms: 0,
        probes: vec![],
        cpu: vec![],
        rss: vec![],
        restart_ages_ms: vec![],
        timeline: vec![],
        hint: None,
        last_words: vec![],
    }
}

/// The snapshot of [`snapshot`], with a server that is ready.
pub(crate) fn running() -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.status.state = State::Ready;
    snapshot.status.temporal = Some(TemporalStatus {
        pid: Some(7),
        pgid: Some(7),
        server_pid: Some(7),
        generation: Some(Generation(1)),
        adopted: false,
        address: "127.0.0.1:7233".into(),
        ui_url: None,
        version: None,
        server_version: None,
        uptime_ms: Some(3),
        rss_bytes: Some(5),
        cpu_percent: None,
        database: None,
    });
    snapshot
}

/// A worker of a project that is ready.
pub(crate) fn worker(name: &str) -> ProjectWorker {
    ProjectWorker {
        name: name.to_owned(),
        project: "/shop".into(),
        file: "/shop/stigmer.toml".into(),
        state: State::Ready,
        intent: Want::Up,
        message: String::new(),
        hint: None,
        pid: Some(8),
        generation: Generation(1),
        adopted: false,
        restarts: RestartStatus::default(),
        namespace: None,
        task_queues: vec!["orders".into()],
        own_queues: vec!["orders".into()],
        outdated: None,
        rss_bytes: Some(61_000_000),
        cpu_percent: Some(0.4),
        uptime_ms: Some(3),
        state_ms: 2,
        next_start_ms: None,
        log: LogStatus { lines: 0, path: "/h/workers/orders/log".into() },
        command: "uv run worker.py".into(),
        last_words: vec![],
    }
}

pub(crate) fn entry(happened: Happened, cause: Cause) -> Entry {
    Entry {
        time: jiff::Timestamp::UNIX_EPOCH,
        happened,
        generation: Generation(1),
        worker: None,
        cause,
        detail: "signal 9 (SIGKILL)".into(),
        uptime_ms: Some(720_000),
        took_ms: Some(131),
        downtime_ms: None,
        phases: vec![],
        peak_rss_bytes: None,
        oom_kills: None,
        first_words: vec![],
        last_words: vec![],
        restarts: BTreeMap::new(),
    }
}

/// A random change of a snapshot, for the property tests.
#[derive(Debug, Clone)]
enum Step {
    Passes(u64),
    Becomes(State, String),
    Backs(u64),
    Runs(i32),
    Ends,
    Restarts,
    Probes(Option<u64>, usize),
    Costs(u64, f64),
    Happens(Happened, Vec<String>),
    Logs(u64),
    Sets(u16),
    Works(String, State, u64),
    Uses(String, u64),
    Leaves(String),
    Breaks(Option<String>, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let states = prop::sample::select(State::ALL.to_vec());
    let happened = prop::sample::select(vec![Happened::Ready, Happened::Ended, Happened::Failed]);
    prop_oneof![
        (0..5_000_u64).prop_map(Step::Passes),
        (states, "[a-z]{0,3}").prop_map(|(state, said)| Step::Becomes(state, said)),
        (0..9_000_u64).prop_map(Step::Backs),
        (2..9_i32).prop_map(Step::Runs),
        Just(Step::Ends),
        Just(Step::Restarts),
        (prop::option::of(1..3_u64), 0..6_usize).prop_map(|(us, layer)| Step::Probes(us, layer)),
        (1..3_u64, 0..30_u8).prop_map(|(rss, cpu)| Step::Costs(rss, f64::from(cpu) / 10.0)),
        (happened, prop::collection::vec("[a-z]{1,3}", 0..2))
            .prop_map(|(happened, words)| Step::Happens(happened, words)),
        (0..9_u64).prop_map(Step::Logs),
        any::<u16>().prop_map(Step::Sets),
        ("[abc]", prop::sample::select(State::ALL.to_vec()), 0..3_u64)
            .prop_map(|(name, state, ms)| Step::Works(name, state, ms)),
        ("[abc]", 0..3_u64).prop_map(|(name, rss)| Step::Uses(name, rss)),
        "[abc]".prop_map(Step::Leaves),
        (prop::option::of("[abc]"), 0..3_u64).prop_map(|(why, ms)| Step::Breaks(why, ms)),
    ]
}

fn take(it: &mut Snapshot, step: &Step) {
    let push = |series: &mut Vec<u64>, value: u64| {
        series.push(value);
        series.drain(..series.len().saturating_sub(4));
    };
    match step {
        Step::Passes(ms) => it.grow_older(*ms),
        Step::Becomes(state, said) => {
            it.status.state = *state;
            it.status.message.clone_from(said);
            it.state_ms = 0;
            it.next_start_ms = None;
        }
        Step::Backs(ms) => it.next_start_ms = Some(*ms),
        Step::Runs(pid) => {
            it.status.temporal = Some(TemporalStatus {
                pid: Some(*pid),
                pgid: Some(*pid),
                server_pid: None,
                generation: Some(Generation(1)),
                adopted: false,
                address: "127.0.0.1:7233".into(),
                ui_url: None,
                version: None,
                server_version: None,
                uptime_ms: Some(3),
                rss_bytes: it.rss.last().copied(),
                cpu_percent: it.cpu.last().copied(),
                database: Some(DatabaseStatus {
                    path: "/h/t.db".into(),
                    bytes: None,
                    detached: (*pid % 2 == 0).then_some(Detached::Deleted),
                }),
            });
        }
        Step::Ends => {
            it.status.temporal = None;
            it.rss.clear();
            it.cpu.clear();
        }
        Step::Restarts => {
            it.status.restarts.total += 1;
            it.status.restarts.last = Some(LastRestart {
                cause: Cause::Crash,
                detail: "exit 2".into(),
                ago_ms: 0,
                recovery_ms: None,
                downtime_ms: None,
            });
            it.restart_ages_ms.push(0);
        }
        Step::Probes(us, layer) => {
            it.probes.push(*us);
            let over = it.probes.len().saturating_sub(4);
            it.probes.drain(..over);
            it.status.health.latency_us.last = *us;
            it.status.health.no_restart = us.is_none().then_some(NoRestart::DataLoss);
            let layer = &mut it.status.health.layers[*layer];
            layer.ok = Some(us.is_some());
            layer.since_ms = Some(0);
        }
        Step::Costs(rss, cpu) => {
            push(&mut it.rss, *rss);
            it.cpu.push(*cpu);
            if let Some(temporal) = &mut it.status.temporal {
                temporal.rss_bytes = Some(*rss);
                temporal.cpu_percent = Some(*cpu);
                if let Some(database) = &mut temporal.database {
                    database.bytes = Some(*rss);
                }
            }
        }
        Step::Happens(happened, words) => it.timeline.push(Arc::new(Entry {
            time: jiff::Timestamp::UNIX_EPOCH,
            happened: *happened,
            generation: Generation(1),
            worker: None,
            cause: Cause::Crash,
            detail: String::new(),
            uptime_ms: None,
            took_ms: None,
            downtime_ms: None,
            phases: vec![],
            peak_rss_bytes: None,
            oom_kills: None,
            first_words: vec![],
            last_words: words.clone(),
            restarts: [(Cause::Crash, 1)].into(),
        })),
        Step::Logs(lines) => it.status.log.lines += lines,
        Step::Sets(port) => {
            it.status.options.values.port = Some(*port);
        }
        Step::Works(name, state, ms) => {
            let workers = &mut it.status.workers;
            workers.retain(|worker| worker.name != *name);
            let worker = ProjectWorker {
                state: *state,
                uptime_ms: Some(*ms),
                next_start_ms: (*state == State::Backoff).then_some(*ms),
                ..worker(name)
            };
            workers.push(worker);
            workers.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Step::Uses(name, rss) => {
            if let Some(worker) = it.status.workers.iter_mut().find(|it| it.name == *name) {
                worker.rss_bytes = Some(*rss);
                worker.log.lines += rss;
            }
        }
        Step::Breaks(why, since_ms) => {
            let file = "/shop/stigmer.toml".into();
            let broken =
                why.clone().map(|reason| BrokenProject { file, reason, since_ms: *since_ms });
            it.status.broken_projects = broken.into_iter().collect();
        }
        Step::Leaves(name) => it.status.workers.retain(|worker| worker.name != *name),
    }
}

proptest! {
    #[test]
    fn viewer_that_applies_each_delta_has_the_snapshot_of_the_host(
        turns in prop::collection::vec(prop::collection::vec(step(), 0..6), 1..20)
    ) {
        let mut host = snapshot();
        let mut viewer = host.clone();
        for turn in turns {
            let before = host.clone();
            for step in &turn {
                take(&mut host, step);
            }
            host.seq += 1;
            let delta = host.since(&before);
            let wire = serde_json::to_string(&delta).unwrap();
            viewer.apply(&serde_json::from_str(&wire).unwrap());
            prop_assert_eq!(&viewer, &host, "by {}", wire);
        }
    }
}

#[test]
fn time_alone_causes_no_change() {
    let before = snapshot();
    let mut after = before.clone();
    after.grow_older(60_000);
    assert_eq!(after.since(&before).changes, []);
}

#[test]
fn unknown_changes_and_keys_are_skipped() {
    let delta: Delta = serde_json::from_str(
        r#"{"seq": 1, "at_ms": 9, "new": 1, "changes": [
            {"kind": "weather", "rain": true},
            {"kind": "log", "lines": 4, "bytes": 5}]}"#,
    )
    .unwrap();
    assert_eq!(delta.changes, [Change::Unknown, Change::Log { lines: 4 }]);
    let mut viewer = snapshot();
    viewer.apply(&delta);
    assert_eq!((viewer.seq, viewer.status.log.lines, viewer.at_ms()), (1, 4, 9));
}

#[test]
fn other_protocol_names_the_side_to_upgrade() {
    let said = |protocol| Hello { protocol, version: "9.9.9".into() }.objection();
    assert_eq!(said(PROTOCOL), None);
    let newer = said(PROTOCOL + 1).unwrap();
    assert!(newer.contains("9.9.9") && newer.contains("upgrade this stigmer"), "{newer}");
    let older = said(PROTOCOL - 1).unwrap();
    assert!(older.contains("upgrade the host") && older.contains("stigmer local"), "{older}");
    assert!(!newer.contains('\n') && !older.contains('\n'));
}
