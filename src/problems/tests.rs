//! Tests of the problems that follow from samples, and of the requests that a plan sends.

use super::budget::{Budget, DESCRIBES};
use super::group::group;
use super::judge::judge;
use super::plan::{NextStep, Plan};
use super::request::{Answer, RunKey, SampleRequest, query};
use super::sample::{
    EndedRun, NamespaceSample, OpenRun, PollerProcess, PollerSample, QueueSample, STALE,
};
use crate::protocol::{Problem, ProblemKind, Severity};
use crate::temporal::executions::{
    Description, Execution, ExecutionPage, ExecutionStatus, NewestEvents, PendingActivity,
    PendingTask, TaskFailure,
};
use crate::temporal::failure::RootCause;
use crate::temporal::queues::{QueueKind, QueueState};
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

const ADDRESS: &str = "127.0.0.1:7233";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn ago(seconds: u64) -> SystemTime {
    now() - Duration::from_secs(seconds)
}

fn execution(id: &str, status: ExecutionStatus) -> Execution {
    Execution {
        workflow_id: id.to_owned(),
        run_id: format!("run-of-{id}"),
        workflow_type: "Refund".to_owned(),
        task_queue: "orders".to_owned(),
        status,
        started: Some(ago(60)),
        closed: (!status.is_open()).then(|| ago(10)),
        parent: None,
        has_reported_problem: false,
    }
}

fn description(id: &str) -> Description {
    Description {
        execution: execution(id, ExecutionStatus::Running),
        history_length: 5,
        activities: Vec::new(),
        operations: Vec::new(),
        task: None,
        children: Vec::new(),
    }
}

fn open(description: Description) -> OpenRun {
    OpenRun { description, events: None }
}

fn task(attempt: u32) -> PendingTask {
    PendingTask { is_started: false, attempt, scheduled: Some(ago(25)) }
}

fn activity(attempt: u32) -> PendingActivity {
    PendingActivity {
        id: "1".to_owned(),
        type_name: "call_bank".to_owned(),
        task_queue: "orders".to_owned(),
        is_started: false,
        is_paused: false,
        attempt,
        max_attempts: Some(50),
        scheduled: Some(ago(1)),
        next_attempt: Some(now() + Duration::from_secs(13)),
        last_failure: (attempt > 1).then(|| cause("BankUnavailable: 503")),
        failures: Vec::new(),
        worker: "58@box".to_owned(),
        last_started: None,
    }
}

fn cause(text: &str) -> RootCause {
    RootCause { text: text.to_owned(), is_of_child: false }
}

fn task_failure(reason: i32, text: &str) -> NewestEvents {
    let failure = Some(cause(text));
    let task_failure = Some(TaskFailure { reason, at: Some(ago(30)), failure });
    NewestEvents { task_failure, ..NewestEvents::default() }
}

fn queue(name: &str, waiting: u64, pollers: Vec<PollerSample>) -> QueueSample {
    let oldest = Duration::from_secs(if waiting > 0 { 40 } else { 0 });
    QueueSample {
        name: name.to_owned(),
        kind: QueueKind::Workflow,
        state: QueueState { pollers: Vec::new(), waiting, oldest },
        pollers,
    }
}

fn poller(seconds_ago: u64, process: PollerProcess) -> PollerSample {
    PollerSample { identity: "58@box".to_owned(), last_poll: Some(ago(seconds_ago)), process }
}

fn runs() -> PollerProcess {
    PollerProcess::Runs { pid: 58, command: "python w.py".to_owned() }
}

fn found(sample: &NamespaceSample) -> Vec<Problem> {
    group(judge(sample, ADDRESS, now()))
}

fn only(sample: &NamespaceSample) -> Problem {
    let mut found = found(sample);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn sample() -> NamespaceSample {
    NamespaceSample { namespace: "default".to_owned(), ..NamespaceSample::default() }
}

#[test]
fn healthy_workflows_are_no_problem() {
    let open_runs = vec![
        open(description("timer")),
        open(Description { activities: vec![activity(1)], ..description("first attempt") }),
        open(Description {
            activities: vec![PendingActivity { is_paused: true, ..activity(4) }],
            ..description("paused")
        }),
        open(Description { task: Some(task(1)), ..description("new") }),
    ];
    let queues = vec![queue("orders", 3, vec![poller(1, runs())])];
    let activity_queue = QueueSample { kind: QueueKind::Activity, ..queues[0].clone() };
    let queues = [queues, vec![activity_queue]].concat();
    assert_eq!(found(&NamespaceSample { open: open_runs, queues, ..sample() }), []);
}

#[test]
fn failing_workflow_task_is_stuck_with_its_cause() {
    let message = "[TMPRL1100] Nondeterminism error: Timer machine does not handle this event: \
                   HistoryEvent(id: 5, ActivityTaskScheduled)";
    let cases = [
        (
            24,
            message,
            "non-determinism: Timer machine does not handle event 5, ActivityTaskScheduled",
        ),
        (24, "something else", "non-determinism: something else"),
        (14, "KeyError: boom", "KeyError: boom"),
        (
            14,
            "NotFoundError: Workflow class Refund is not registered on this worker",
            "no worker on queue orders knows the type Refund",
        ),
        (
            14,
            "Failed to initialize workflow of type 'Refund': no such function is exported",
            "no worker on queue orders knows the type Refund",
        ),
        (
            14,
            "unable to find workflow type: Refund. Supported types: []",
            "no worker on queue orders knows the type Refund",
        ),
        (14, "Workflow class hierarchy is broken", "Workflow class hierarchy is broken"),
    ];
    for (reason, message, expected) in cases {
        let description = Description { task: Some(task(4)), ..description("drift-11") };
        let run = OpenRun { description, events: Some(task_failure(reason, message)) };
        let problem = only(&NamespaceSample { open: vec![run], ..sample() });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Stuck, Severity::Red));
        assert_eq!((problem.cause.as_str(), problem.since_ms), (expected, 30_000));
        assert_eq!(problem.attempt, Some(4));
    }
}

#[test]
fn first_failure_of_a_workflow_task_may_heal_itself() {
    let task = PendingTask { scheduled: Some(ago(3)), ..task(2) };
    let description = Description { task: Some(task), ..description("a") };
    let problem = only(&NamespaceSample { open: vec![open(description)], ..sample() });
    assert_eq!(
        (problem.severity, problem.cause.as_str()),
        (Severity::Amber, "the workflow task fails; the reason is not known yet")
    );
}

#[test]
fn retry_has_its_attempts_and_becomes_red_after_five_minutes() {
    for (first, severity) in [(299, Severity::Amber), (301, Severity::Red)] {
        let description = Description { activities: vec![activity(8)], ..description("refund-0") };
        let activities = vec![("1".to_owned(), ago(first)), ("2".to_owned(), ago(9_999))];
        let events = Some(NewestEvents { activities, ..NewestEvents::default() });
        let problem =
            only(&NamespaceSample { open: vec![OpenRun { description, events }], ..sample() });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::Retrying, severity));
        assert_eq!(problem.cause, "BankUnavailable: 503");
        assert_eq!(problem.activity.as_deref(), Some("call_bank"));
        assert_eq!((problem.attempt, problem.max_attempts), (Some(8), Some(50)));
        assert_eq!((problem.next_try_ms, problem.since_ms), (Some(13_000), first * 1_000));
        assert!(
            problem
                .command
                .unwrap()
                .starts_with("temporal workflow describe --workflow-id refund-0")
        );
    }
}

#[test]
fn queue_without_a_worker_names_the_last_one() {
    let ended = |command: &str| PollerProcess::Ended { pid: 4712, command: command.to_owned() };
    let long = STALE.as_secs() + 5;
    let cases = [
        (vec![], "2 workflow tasks wait; no worker has polled this queue"),
        (
            vec![poller(1, ended("python b.py"))],
            "2 workflow tasks wait; last worker: pid 4712 python b.py, ended",
        ),
        (vec![poller(1, ended(""))], "2 workflow tasks wait; last worker: pid 4712, ended"),
        (
            vec![poller(long, PollerProcess::Unknown)],
            "2 workflow tasks wait; last worker: 58@box, has not polled for 1 min",
        ),
        (
            vec![poller(long, runs())],
            "2 workflow tasks wait; last worker: pid 58 python w.py, has not polled for 1 min",
        ),
    ];
    for (pollers, expected) in cases {
        let problem =
            only(&NamespaceSample { queues: vec![queue("billing", 2, pollers)], ..sample() });
        assert_eq!((problem.kind, problem.severity), (ProblemKind::NoWorker, Severity::Red));
        assert_eq!(
            (problem.cause.as_str(), problem.count, problem.since_ms),
            (expected, 2, 40_000)
        );
    }
}

#[test]
fn worker_that_polls_serves_its_queue() {
    for process in [runs(), PollerProcess::Unknown] {
        let queues = vec![queue("billing", 2, vec![poller(60, process)])];
        assert_eq!(found(&NamespaceSample { queues, ..sample() }), []);
    }
}

#[test]
fn waiting_task_of_a_described_workflow_counts_before_the_server_counts_it() {
    let waiting = Description { task: Some(task(1)), ..description("a") };
    let queues = vec![queue("orders", 0, vec![])];
    let problem = only(&NamespaceSample { open: vec![open(waiting)], queues, ..sample() });
    assert_eq!((problem.count, problem.since_ms), (1, 25_000));
    assert_eq!(problem.severity, Severity::Amber, "younger than 30 s");
}

#[test]
fn queue_name_near_a_served_one_is_suggested() {
    let served = queue("orders", 0, vec![poller(1, runs())]);
    for (name, is_near) in [("ordres", true), ("Orders", true), ("order", true), ("billing", false)]
    {
        let queues = vec![served.clone(), queue(name, 1, vec![])];
        let problem = only(&NamespaceSample { queues, ..sample() });
        assert_eq!(problem.hint.unwrap().contains("`orders`"), is_near, "{name}");
    }
}

#[test]
fn ended_workflows_have_their_root_cause() {
    let failed = EndedRun {
        execution: execution("shipment-7", ExecutionStatus::Failed),
        events: NewestEvents {
            failure: Some(cause("ValueError: postcode")),
            ..NewestEvents::default()
        },
    };
    let timed_out = EndedRun {
        execution: execution("timeout-15", ExecutionStatus::TimedOut),
        events: NewestEvents { before_end: Some(5), ..NewestEvents::default() },
    };
    let found = found(&NamespaceSample { ended: vec![timed_out, failed], ..sample() });
    let causes: Vec<(ProblemKind, &str)> =
        found.iter().map(|it| (it.kind, it.cause.as_str())).collect();
    let expected = [
        (ProblemKind::Failed, "ValueError: postcode"),
        (ProblemKind::TimedOut, "no worker polled queue orders within 50 s"),
    ];
    assert_eq!(causes, expected);
    assert!(found.iter().all(|it| it.since_ms == 10_000 && it.severity == Severity::Red));
}

#[test]
fn parent_that_failed_because_of_its_child_is_no_problem_of_its_own() {
    let failed = |id: &str, is_of_child, parent: Option<&str>| EndedRun {
        execution: Execution {
            parent: parent.map(str::to_owned),
            ..execution(id, ExecutionStatus::Failed)
        },
        events: NewestEvents {
            failure: Some(RootCause { is_of_child, ..cause("E: x") }),
            ..NewestEvents::default()
        },
    };
    let (parent, child) = (failed("parent", true, None), failed("child", false, Some("parent")));
    let problem = only(&NamespaceSample { ended: vec![parent.clone(), child], ..sample() });
    assert_eq!(problem.subject, "child");
    let problem = only(&NamespaceSample { ended: vec![parent], ..sample() });
    assert_eq!(problem.subject, "parent", "the child is not in the list");
}

#[test]
fn problems_with_the_same_kind_type_and_cause_share_one_row() {
    let failed = |id: &str, closed: u64, message: &str| EndedRun {
        execution: Execution {
            closed: Some(ago(closed)),
            ..execution(id, ExecutionStatus::Failed)
        },
        events: NewestEvents { failure: Some(cause(message)), ..NewestEvents::default() },
    };
    let ended = vec![failed("old", 30, "x"), failed("new", 5, "x"), failed("other", 20, "y")];
    let found = found(&NamespaceSample { ended, ..sample() });
    let rows: Vec<(&str, u64)> = found.iter().map(|it| (it.subject.as_str(), it.count)).collect();
    assert_eq!(rows, [("new", 2), ("other", 1)]);
    assert_eq!(found[0].others[0].workflow_id, "old");
}

#[test]
fn two_failing_activities_of_one_workflow_are_one_row() {
    let activities = vec![activity(3), PendingActivity { id: "2".to_owned(), ..activity(4) }];
    let description = Description { activities, ..description("a") };
    assert_eq!(only(&NamespaceSample { open: vec![open(description)], ..sample() }).count, 1);
}

#[test]
fn commands_are_quoted_and_name_the_server() {
    let run = EndedRun {
        execution: execution("it's; rm -rf /", ExecutionStatus::Failed),
        events: NewestEvents::default(),
    };
    let sample = NamespaceSample { namespace: "a b".to_owned(), ended: vec![run], ..sample() };
    let found = judge(&sample, "127.0.0.1:7300", now());
    let command = found[0].command.clone().unwrap();
    let expected = r"temporal workflow show --workflow-id 'it'\''s; rm -rf /' --run-id ";
    assert!(command.starts_with(expected), "{command}");
    assert!(command.ends_with(" --namespace 'a b' --address 127.0.0.1:7300"), "{command}");
}

/// A simulated server that responds to each request after `took`, with a simulated clock.
struct Rig {
    plan: Plan,
    budget: Budget,
    now: Instant,
    open: Vec<Execution>,
    ended: Vec<Execution>,
    took: Duration,
    sent: Vec<(Instant, SampleRequest)>,
}

impl Rig {
    fn new(open: Vec<Execution>, ended: Vec<Execution>) -> Self {
        let now = Instant::now();
        let (plan, budget) = (Plan::new(now), Budget::new(now));
        let took = Duration::from_millis(3);
        Self { plan, budget, now, open, ended, took, sent: Vec::new() }
    }

    fn answer(&self, look: &SampleRequest) -> Answer {
        let page = |executions: &[Execution]| {
            Answer::Page(ExecutionPage { executions: executions.to_vec(), next: Vec::new() })
        };
        match look {
            SampleRequest::Reported => {
                let marked = self.open.iter().filter(|it| it.has_reported_problem);
                page(&marked.cloned().collect::<Vec<_>>())
            }
            SampleRequest::Completed(_) => page(&[]),
            SampleRequest::Open(_) => page(&self.open),
            SampleRequest::Ended(_) => page(&self.ended),
            SampleRequest::Run { key, .. } => Answer::Run(Some(description(&key.workflow_id))),
            SampleRequest::Events(_) | SampleRequest::End(_) => {
                Answer::Events(Some(NewestEvents::default()))
            }
            SampleRequest::Queue(..) => Answer::Queue(QueueState::default()),
        }
    }

    /// Runs the plan for this time, while every request succeeds.
    fn run(&mut self, time: Duration) {
        self.run_failing(time, |_| false);
    }

    /// Runs the plan for this time, while these requests fail.
    fn run_failing(&mut self, time: Duration, fails: impl Fn(&SampleRequest) -> bool) {
        let end = self.now + time;
        while self.now < end {
            match self.plan.next(&mut self.budget, self.now) {
                NextStep::Send(look) => {
                    self.sent.push((self.now, look.clone()));
                    self.now += self.took;
                    let answer =
                        if fails(&look) { Err("no".to_owned()) } else { Ok(self.answer(&look)) };
                    self.budget.spend(&look, answer.is_ok(), self.took, self.now);
                    self.plan.take(look, answer, self.took, self.now);
                }
                NextStep::Pause(until) | NextStep::Idle(until) => {
                    assert!(until > self.now, "the plan would spin");
                    self.now = until;
                }
            }
        }
    }

    fn count(&self, of: impl Fn(&SampleRequest) -> bool) -> usize {
        self.sent.iter().filter(|(_, look)| of(look)).count()
    }
}

fn running(count: usize) -> Vec<Execution> {
    (0..count).map(|n| execution(&format!("w-{n}"), ExecutionStatus::Running)).collect()
}

#[test]
fn descriptions_stay_within_the_budget_of_a_minute() {
    let mut rig = Rig::new(running(200), Vec::new());
    rig.run(Duration::from_secs(600));
    let described: Vec<Instant> = rig
        .sent
        .iter()
        .filter(|(_, look)| matches!(look, SampleRequest::Run { .. }))
        .map(|(at, _)| *at)
        .collect();
    for (at, first) in described.iter().enumerate() {
        let window = described[at..].iter().filter(|it| **it - *first < Duration::from_secs(60));
        assert!(window.count() <= DESCRIBES);
    }
    let keys: std::collections::BTreeSet<&RunKey> = rig
        .sent
        .iter()
        .filter_map(
            |(_, look)| if let SampleRequest::Run { key, .. } = look { Some(key) } else { None },
        )
        .collect();
    assert_eq!(keys.len(), 200, "each workflow is described at some time");
}

#[test]
fn slow_server_gets_fewer_requests() {
    for millis in [1, 20, 200] {
        let mut rig = Rig::new(running(20), Vec::new());
        rig.took = Duration::from_millis(millis);
        rig.run(Duration::from_secs(300));
        let spent = rig.took * u32::try_from(rig.sent.len()).unwrap();
        assert!(spent < Duration::from_secs(300) / 20, "{millis} ms: {spent:?}");
        assert!(rig.count(|look| *look == SampleRequest::Reported) > 5, "{millis} ms");
        assert!(rig.count(|look| matches!(look, SampleRequest::Run { .. })) > 5, "{millis} ms");
        assert!(rig.count(|look| matches!(look, SampleRequest::Queue(..))) > 5, "{millis} ms");
    }
}

#[test]
fn failed_requests_are_repeated_more_and_more_slowly() {
    let mut rig = Rig::new(running(20), Vec::new());
    rig.run_failing(Duration::from_secs(300), |_| true);
    assert!(rig.sent.len() < 20, "{}", rig.sent.len());
    rig.run(Duration::from_secs(60));
    assert!(rig.count(|look| matches!(look, SampleRequest::Run { .. })) >= 20, "it recovers");
}

#[test]
fn list_that_always_fails_delays_no_other_request() {
    let mut rig = Rig::new(running(5), vec![execution("a", ExecutionStatus::Failed)]);
    rig.run_failing(Duration::from_secs(120), |look| *look == SampleRequest::Reported);
    assert!(rig.count(|look| matches!(look, SampleRequest::Run { .. })) >= 5);
    assert!(rig.count(|look| matches!(look, SampleRequest::End(_))) >= 1);
    assert_eq!((rig.plan.as_of(), rig.plan.error()), (None, Some("no")));
    rig.run(Duration::from_secs(120));
    assert!(rig.plan.as_of().is_some() && rig.plan.error().is_none());
}

#[test]
fn failing_workflow_is_described_before_all_others() {
    let mut rig = Rig::new(running(200), Vec::new());
    rig.run(Duration::from_secs(1));
    rig.sent.clear();
    let late = execution("late", ExecutionStatus::Running);
    rig.open.push(Execution { has_reported_problem: true, ..late });
    rig.run(Duration::from_secs(90));
    let first = rig.sent.iter().find_map(|(_, look)| match look {
        SampleRequest::Run { key, again: false } => Some(key.workflow_id.as_str()),
        _ => None,
    });
    assert_eq!(first, Some("late"));
}

#[test]
fn marked_workflow_is_stuck_also_at_the_first_attempt_of_a_new_task() {
    let mut marked = description("signalled");
    marked.execution.has_reported_problem = true;
    marked.task = Some(task(1));
    let run = OpenRun { description: marked, events: Some(task_failure(14, "E: x")) };
    let problem = only(&NamespaceSample { open: vec![run], ..sample() });
    assert_eq!((problem.kind, problem.attempt), (ProblemKind::Stuck, None));
}

#[test]
fn cause_of_an_ended_workflow_is_read_once() {
    let failed = (0..9).map(|n| execution(&format!("w-{n}"), ExecutionStatus::Failed)).collect();
    let mut rig = Rig::new(Vec::new(), failed);
    rig.run(Duration::from_secs(300));
    assert_eq!(rig.count(|look| matches!(look, SampleRequest::End(_))), 9);
}

#[test]
fn workflow_that_completes_after_its_failure_is_forgotten() {
    let mut rig = Rig::new(Vec::new(), vec![execution("a", ExecutionStatus::Failed)]);
    rig.run(Duration::from_secs(10));
    let known = |rig: &Rig| rig.plan.sample("default", now(), |_| unreachable!()).ended.len();
    assert_eq!(known(&rig), 1);
    let completed =
        |closed| Execution { closed: Some(closed), ..execution("a", ExecutionStatus::Completed) };
    let take = |rig: &mut Rig, closed| {
        let executions = vec![completed(closed)];
        let page = Answer::Page(ExecutionPage { executions, next: Vec::new() });
        rig.plan.take(SampleRequest::Completed(Vec::new()), Ok(page), rig.took, rig.now);
    };
    take(&mut rig, ago(20));
    assert_eq!(known(&rig), 1, "it completed before the failure");
    take(&mut rig, ago(5));
    assert_eq!(known(&rig), 0);
}

#[test]
fn queue_is_described_only_while_it_is_in_use() {
    let mut rig = Rig::new(running(1), Vec::new());
    rig.run(Duration::from_secs(20));
    assert!(rig.count(|look| matches!(look, SampleRequest::Queue(..))) > 2);
    rig.open.clear();
    rig.run(Duration::from_secs(10));
    rig.sent.clear();
    rig.run(Duration::from_secs(60));
    assert_eq!(rig.count(|look| matches!(look, SampleRequest::Queue(..))), 0);
}

#[test]
fn text_in_a_query_is_escaped() {
    let look = SampleRequest::Completed(vec![r"it's".to_owned(), r"a\b".to_owned()]);
    let expected = r"ExecutionStatus = 'Completed' AND WorkflowId IN ('it\'s', 'a\\b')";
    assert_eq!(query(&look, now()), expected);
}

fn any_problem() -> impl Strategy<Value = Problem> {
    let kinds = prop::sample::select(ProblemKind::ALL.to_vec());
    let texts = ("[ab]", "[ab]", "[ab]", prop::option::of("[abc]"), 0_u64..100);
    (kinds, texts).prop_map(|(kind, (workflow_type, subject, cause, run_id, since_ms))| Problem {
        kind,
        severity: Severity::Red,
        namespace: None,
        workflow_type: Some(workflow_type),
        subject,
        run_id,
        queue: None,
        activity: None,
        count: 1,
        others: Vec::new(),
        since_ms,
        cause,
        attempt: None,
        max_attempts: None,
        next_try_ms: None,
        hint: None,
        command: None,
    })
}

proptest! {
    #[test]
    fn groups_lose_no_workflow_and_are_sorted(problems in prop::collection::vec(any_problem(), 0..40)) {
        let grouped = group(problems.clone());
        for problem in &problems {
            let is_there = grouped.iter().any(|row| {
                let others = row.others.iter().map(|it| Some(&it.run_id));
                row.kind == problem.kind
                    && row.cause == problem.cause
                    && (row.run_id == problem.run_id
                        || others.into_iter().any(|it| it == problem.run_id.as_ref()))
            });
            prop_assert!(is_there, "{problem:?}");
        }
        prop_assert!(grouped.is_sorted_by_key(|it| (it.kind, it.severity)));
        for row in &grouped {
            prop_assert!(row.run_id.is_none() || row.count == 1 + row.others.len() as u64);
        }
        prop_assert_eq!(group(grouped.clone()).len(), grouped.len());
    }
}
