//! Strategies for arbitrary models, logs, inputs and sizes.

use proptest::prelude::*;
use stigmer_ui::demo::sample::{self, SampleLog};
use stigmer_ui::loss::{Storage, WorkflowCount, WorkflowTotals};
use stigmer_ui::model::{
    Answer, ClosedCount, FailureLimit, FoundWorkflows, HistoryRow, HistoryState, Member, Model,
    ProbePoint, ProblemKind, ProblemRow, RestartLimit, Severity, UnitCommands, WorkerRow,
    WorkerState, WorkflowCounts, WorkflowPage, WorkflowRow, WorkflowStatus,
};
use stigmer_ui::{Input, Key, KeyCode, Level, Noise};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z ]{1,30}",
        "\\PC{0,40}",
        Just("漢字かな交じり文".repeat(20)),
        Just("e\u{301}\u{202e}\u{200d}👩\u{200d}👧\x1b[31m\t\r\n\u{9b}".to_owned()),
        Just("x".repeat(5_000)),
    ]
}

fn any_problem() -> impl Strategy<Value = ProblemRow> {
    let kind = prop::sample::select(ProblemKind::ALL.to_vec());
    let severity = prop::sample::select(vec![Severity::Red, Severity::Amber, Severity::Notice]);
    let numbers = prop::array::uniform3(prop_oneof![Just(0_u64), any::<u64>()]);
    let flag = any::<bool>();
    ("[a-z]{1,4}", kind, severity, prop::array::uniform4(any_text()), numbers, flag).prop_map(
        |(id, kind, severity, [type_name, subject, cause, command], numbers, flag)| ProblemRow {
            id,
            kind,
            severity,
            namespace: type_name.clone(),
            run_id: flag.then(|| subject.clone()),
            queue: subject.clone(),
            count: numbers[0],
            members: vec![Member {
                workflow_id: subject.clone(),
                run_id: cause.clone(),
                type_name: type_name.clone(),
                attempt: flag.then_some(7),
                since_ms: flag.then_some(9_000),
            }],
            activity: flag.then(|| cause.clone()),
            activity_id: type_name.clone(),
            attempt: flag.then_some(numbers[1] as u32),
            max_attempts: flag.then_some(numbers[2] as u32),
            next_try_ms: flag.then_some(numbers[2]),
            as_of_ms: flag.then_some(numbers[0]),
            workflow_cause: cause.clone(),
            since_ms: Some(numbers[1]),
            hint: cause.clone(),
            type_name,
            subject,
            cause,
            command,
        },
    )
}

fn any_workflow() -> impl Strategy<Value = WorkflowRow> {
    let status = prop::sample::select(WorkflowStatus::ALL.to_vec());
    let texts = prop::array::uniform3(any_text());
    ("[a-z]{1,4}", status, texts, prop::option::of(any::<u64>())).prop_map(
        |(run_id, status, [type_name, workflow_id, note], ms)| WorkflowRow {
            status,
            queue: type_name.clone(),
            type_name,
            workflow_id,
            run_id,
            note,
            took_ms: ms,
            ended_ms: ms,
        },
    )
}

fn any_worker() -> impl Strategy<Value = WorkerRow> {
    let state = prop::sample::select(WorkerState::ALL.to_vec());
    let (texts, flags) = (prop::array::uniform3(any_text()), prop::array::uniform3(any::<bool>()));
    ("[a-z]{1,4}", state, texts, flags, any::<u64>()).prop_map(
        |(id, state, [name, command, queue], flags, number)| WorkerRow {
            id,
            state,
            name,
            external: flags[0],
            identities: vec![queue.clone()],
            remote: flags[1],
            queues: vec![queue.clone(), command.clone()],
            folder: if flags[2] { queue.clone() } else { String::new() },
            command,
            pid: flags[1].then_some(number as u32),
            cpu_percent: flags[0].then_some(f32::from_bits(number as u32)),
            rss_bytes: Some(number),
            since_ms: flags[2].then_some(number),
            restarts: flags[0].then_some(number),
            generation: flags[2].then_some(number),
            hint: queue.clone(),
            last_lines: vec![queue.clone(); number as usize % 3],
            cause: if flags[1] { queue } else { String::new() },
            can: UnitCommands {
                start: !flags[0] && flags[1],
                stop: !flags[0] && flags[2],
                restart: !flags[0],
            },
        },
    )
}

/// Any server with any work.
pub fn any_model() -> impl Strategy<Value = Model> {
    let problems = prop::option::of(prop::collection::vec(any_problem(), 0..14));
    let recent = prop::option::of(prop::collection::vec(any_workflow(), 0..9));
    let workers = prop::option::of(prop::collection::vec(any_worker(), 0..7));
    (any_server(), problems, recent, workers, any_page(), any_found()).prop_map(
        |(server, problems, recent, workers, mut page, found)| {
            // A page of the first workflow.
            let run_id = problems.iter().flatten().find_map(|row| row.run_id.clone());
            if let (Some(page), Some(run_id)) = (&mut page, run_id) {
                page.run_id = run_id;
            }
            Model { problems, recent, workers, page, found, ..server }
        },
    )
}

fn any_found() -> impl Strategy<Value = Option<FoundWorkflows>> {
    let rows = prop::option::of(prop::collection::vec(any_workflow(), 0..5));
    let found = (any_text(), rows, any::<bool>()).prop_map(|(error, rows, more)| FoundWorkflows {
        query: "q".into(),
        error,
        rows,
        more,
    });
    prop::option::weighted(0.3, found)
}

fn any_page() -> impl Strategy<Value = Option<WorkflowPage>> {
    let base = prop::sample::select(vec![
        sample::pages::retrying,
        sample::pages::stuck,
        sample::pages::failed,
        sample::pages::running,
        sample::pages::encrypted,
        sample::pages::missing,
    ]);
    let time =
        prop_oneof![Just(None), (0..200_000_u64).prop_map(Some), any::<u64>().prop_map(Some)];
    let times = prop::array::uniform3(time);
    let row = (0..50_u64, any_text(), times, any::<bool>()).prop_map(
        |(id, text, [from_ms, to_ms, next_ms], routine)| HistoryRow {
            id,
            name: text.clone(),
            text,
            state: HistoryState::Retrying,
            routine,
            from_ms,
            to_ms,
            next_ms,
        },
    );
    let rows = prop::collection::btree_map(0..50_u64, row, 0..30);
    let text = any_text();
    (base, rows, text, any::<bool>()).prop_map(|(base, rows, text, keeps)| {
        let mut page = base(sample::with_problems()).page?;
        if !keeps {
            page.history = rows.into_iter().map(|(id, row)| HistoryRow { id, ..row }).collect();
            page.causes.iter_mut().for_each(|cause| {
                cause.text.clone_from(&text);
                cause.place.clone_from(&text);
                cause.lines.push(text.clone());
            });
            (page.input, page.worker, page.queue) = (text.clone(), text.clone(), text);
        }
        Some(page)
    })
}

fn any_server() -> impl Strategy<Value = Model> {
    let state = prop::sample::select(sample::STATES.to_vec());
    let texts = prop::array::uniform6(any_text());
    let numbers = prop::array::uniform4(prop_oneof![Just(0_u64), 1..5_000_u64, any::<u64>()]);
    let flags = prop::array::uniform6(any::<bool>());
    let leaving = prop::bool::weighted(0.1);
    (state, texts, numbers, flags, leaving).prop_map(|(state, texts, numbers, flags, leaving)| {
        let mut model = sample::in_state(state);
        let [a, b, c, d, e, f] = texts;
        (model.doing, model.message, model.host_label) = (a, b, c.clone());
        (model.home, model.address) = (d.clone(), flags[0].then_some(d.clone()));
        model.ui_url = flags[1].then_some(e.clone());
        (model.attached, model.managed) = (flags[2], flags[3]);
        model.can.background = flags[4];
        model.leaving = leaving;
        (model.can.start, model.can.stop, model.can.restart) = (flags[5], flags[0], flags[1]);
        model.generation = numbers[0];
        model.uptime_ms = Some(numbers[1]);
        model.restarts.total = numbers[2];
        model.restarts.limit =
            flags[0].then_some(RestartLimit { max: numbers[0] as u32, window_ms: numbers[3] });
        model.probe.history =
            numbers.iter().flat_map(|n| [ProbePoint::Ok(*n), ProbePoint::Failed]).collect();
        model.probe.last_us = Some(numbers[2]);
        model.probe.period_ms = flags[1].then_some(numbers[3]);
        let limits = [FailureLimit::Count(numbers[1] as u32), FailureLimit::Span(numbers[3])];
        model.probe.limit = flags[2].then_some(limits[usize::from(flags[4])]);
        model.probe.consecutive_failures = numbers[0] as u32;
        model.resources.cpu_percent = Some(f32::from_bits(numbers[0] as u32));
        model.resources.cpu_history = vec![f32::NAN, f32::INFINITY, -1.0, 3.0];
        model.resources.rss_history = numbers.to_vec();
        model.resources.db_path = Some(f.clone());
        model.health[3].detail = e;
        model.health[3].ok = Some(false);
        if let Some(failure) = &mut model.failure {
            failure.cause = f;
            failure.last_words.push(c);
            failure.hints.push(d);
        }
        for row in &mut model.timeline {
            row.what = model.message.clone();
            row.generation = numbers[1];
            row.phases.iter_mut().for_each(|it| it.ms = numbers[0]);
        }
        model.answer = flags[4].then(|| Answer {
            number: numbers[0],
            title: model.message.clone(),
            text: model.doing.clone(),
            is_error: flags[0],
        });
        model.toast = flags[3].then(|| model.doing.clone());
        model.state_age_ms = flags[1].then_some(numbers[0]);
        model.namespace = model.home.clone();
        model.namespaces = vec![model.home.clone(), model.doing.clone()];
        model.namespaces.truncate(usize::from(flags[0]) + usize::from(flags[5]));
        model.as_of = flags[5].then(|| model.doing.clone());
        model.connected_workers = flags[0].then_some(numbers[3]);
        model.counts = flags[2].then_some(WorkflowCounts {
            running: numbers[1],
            completed: numbers[3],
            failed: numbers[2],
            timed_out: numbers[0],
            closed: numbers[1],
        });
        let closed = numbers.map(|n| ClosedCount { completed: n, failed: n % 2 });
        model.closed_history = closed.into();
        model.dismissed.problems = flags[4].into();
        let holdings = WorkflowTotals { running: numbers[1], closed: numbers[2] };
        model.count = match (flags[4], flags[2]) {
            (false, _) => WorkflowCount::Unknown,
            (true, false) => WorkflowCount::Earlier(holdings),
            (true, true) => WorkflowCount::Current(holdings),
        };
        (model.adopted, model.watched) = (flags[0], flags[2]);
        let storages = [Storage::File, Storage::Memory, Storage::Deleted, Storage::Replaced];
        model.storage = storages[usize::from(flags[5]) * 2 + usize::from(flags[3])];
        model.probe.no_restart = if flags[3] { model.doing.clone() } else { String::new() };
        model
    })
}

const CODES: [KeyCode; 14] = [
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Backspace,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::F(1),
];

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => prop::sample::select("sxrq?:12345ftobh+- zZ/nNlcyYwve.(iadDujkgGaA".chars().collect::<Vec<_>>()).prop_map(Key::char),
        2 => prop::sample::select(CODES.to_vec()).prop_map(Key::plain),
        1 => any::<char>().prop_map(Key::char),
        1 => prop::sample::select(vec!['c', 'l', 'u', 'd', 'p']).prop_map(Key::ctrl),
        1 => prop::sample::select(vec![KeyCode::Up, KeyCode::Down])
            .prop_map(|code| Key { shift: true, ..Key::plain(code) }),
    ]
}

pub fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => any_key().prop_map(Input::Key),
        1 => any::<u16>().prop_map(Input::ScrollUp),
        1 => any::<u16>().prop_map(Input::ScrollDown),
        1 => (any::<u16>(), any::<u16>()).prop_map(|(x, y)| Input::Click { x, y }),
        4 => (0..150_u16, 0..50_u16).prop_map(|(x, y)| Input::Click { x, y }),
        2 => (0..150_u16, 0..50_u16).prop_map(|(x, y)| Input::Drag { x, y }),
        2 => Just(Input::Release),
        1 => Just(Input::Resize),
    ]
}

pub fn any_size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        (0..150_u16, 0..50_u16),
        (0..6_u16, 0..6_u16),
        prop::sample::select(vec![(120, 36), (80, 24), (40, 10), (39, 10)])
    ]
}

pub fn any_log() -> impl Strategy<Value = SampleLog> {
    (prop::collection::vec((any_text(), any_text()), 0..60), 0..80_usize).prop_map(
        |(lines, evicted)| {
            let mut log = SampleLog::temporal();
            let worker = log.push_worker(if evicted % 2 == 0 { "orders" } else { "" });
            for (text, fields) in lines {
                log.push("21:04:11.203", Level::Error, &fields, &text, &fields);
                log.push_raw(&text);
                log.push_mark(&fields);
                log.push_of(worker, &text, Level::Warn, &text, &fields);
                log.push_raw_of(worker, &text, fields.is_empty());
                log.push_mark_of(worker, &fields);
                log.push_noise([Noise::StartUp, Noise::Shutdown][text.len() % 2], 2);
                log.push_noise([Noise::Adjacent, Noise::AdjacentToShutdown][fields.len() % 2], 1);
            }
            log.evict(evicted);
            log
        },
    )
}
