//! Tests of the requests that a plan sends.

use super::*;
use crate::problems::budget::{Budget, DESCRIBES};
use crate::problems::plan::{NextStep, Plan};
use crate::problems::request::{Answer, DescribePurpose, RunKey, SampleRequest, queries};
use crate::temporal::executions::ExecutionPage;
use crate::temporal::queues::QueuePoller;
use crate::temporal::workers::WorkerHeartbeat;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// A simulated server that responds to each request after `took`, with a simulated clock.
pub(super) struct Rig {
    pub(super) plan: Plan,
    budget: Budget,
    begun: Instant,
    now: Instant,
    pub(super) open: Vec<Execution>,
    /// The descriptions of workflows that have another than the usual one.
    pub(super) described: Vec<Description>,
    ended: Vec<Execution>,
    workers: Vec<WorkerHeartbeat>,
    /// The IDs of the workflows whose histories match the code.
    pub(super) matching: BTreeSet<String>,
    pub(super) pollers: Vec<QueuePoller>,
    took: Duration,
    pub(super) sent: Vec<(Instant, SampleRequest)>,
}

impl Rig {
    pub(super) fn new(open: Vec<Execution>, ended: Vec<Execution>) -> Self {
        let now = Instant::now();
        let (plan, budget) = (Plan::new(now), Budget::new(now));
        let took = Duration::from_millis(3);
        let (workers, sent) = (Vec::new(), Vec::new());
        let matching = BTreeSet::new();
        Self {
            plan,
            budget,
            begun: now,
            now,
            open,
            described: Vec::new(),
            ended,
            workers,
            matching,
            pollers: Vec::new(),
            took,
            sent,
        }
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
            SampleRequest::Run { key, .. } => {
                let known =
                    self.described.iter().find(|it| it.execution.workflow_id == key.workflow_id);
                let described = known.cloned().unwrap_or_else(|| description(&key.workflow_id));
                Answer::Run(Some(described), now() + (self.now - self.begun))
            }
            SampleRequest::Events(_) | SampleRequest::End(_) => {
                Answer::Events(Some(NewestEvents::default()))
            }
            SampleRequest::Replay { key, .. } => {
                let matches = self.matching.contains(&key.workflow_id);
                Answer::Replay((!matches).then(|| "[TMPRL1100] x".to_owned()))
            }
            SampleRequest::Queue(..) => {
                let pollers = self.pollers.clone();
                Answer::Queue(QueueState { pollers, ..QueueState::default() })
            }
            SampleRequest::Workers => Answer::Workers(self.workers.clone()),
        }
    }

    /// Runs the plan for this time, while every request succeeds.
    pub(super) fn run(&mut self, time: Duration) {
        self.run_failing(time, |_| false);
    }

    /// Runs the plan for this time, while these requests fail.
    pub(super) fn run_failing(&mut self, time: Duration, fails: impl Fn(&SampleRequest) -> bool) {
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

    pub(super) fn count(&self, of: impl Fn(&SampleRequest) -> bool) -> usize {
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
    let keys: BTreeSet<&RunKey> = rig
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
        SampleRequest::Run { key, purpose: DescribePurpose::New } => Some(key.workflow_id.as_str()),
        _ => None,
    });
    assert_eq!(first, Some("late"));
}

#[test]
fn new_queue_and_old_workflow_are_described_before_other_new_workflows() {
    let mut rig = Rig::new(running(200), Vec::new());
    rig.run(Duration::from_secs(61));
    rig.sent.clear();
    let typo = execution("typo", ExecutionStatus::Running);
    rig.open.push(Execution { task_queue: "ordres".to_owned(), ..typo });
    rig.run(Duration::from_secs(60));
    let described: Vec<&str> = rig
        .sent
        .iter()
        .filter_map(|(_, look)| match look {
            SampleRequest::Run { key, purpose: DescribePurpose::New } => {
                Some(key.workflow_id.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(described.iter().position(|id| *id == "typo"), Some(0), "{described:?}");
}

/// The times of the descriptions of a workflow.
fn times(rig: &Rig, id: &str) -> Vec<Duration> {
    let is_it = |look: &SampleRequest| matches!(look, SampleRequest::Run { key, .. } if key.workflow_id == id);
    rig.sent.iter().filter(|(_, look)| is_it(look)).map(|(at, _)| *at - rig.begun).collect()
}

#[test]
fn retry_is_described_after_its_next_attempt_and_not_before() {
    let mut rig = Rig::new(running(10), Vec::new());
    let next = Some(now() + Duration::from_secs(20));
    let waits = PendingActivity { next_attempt: next, ..activity(3) };
    rig.described = vec![Description { activities: vec![waits], ..description("w-7") }];
    rig.run(Duration::from_secs(60));
    let first = times(&rig, "w-7")[0];
    let later: Vec<f64> = times(&rig, "w-7")[1..].iter().map(Duration::as_secs_f64).collect();
    assert!(first < Duration::from_secs(20), "{first:?}");
    assert!(later[0] >= 20.0 && later[0] < 23.0, "no attempt before: {later:?}");
    assert!(later.len() > 4, "the next attempt is late: {later:?}");
}

#[test]
fn attempts_of_the_newest_retry_are_the_most_current() {
    let mut rig = Rig::new(running(30), Vec::new());
    let runs_now = || PendingActivity { is_started: true, next_attempt: None, ..activity(3) };
    let retrying =
        |n: usize| Description { activities: vec![runs_now()], ..description(&format!("w-{n}")) };
    rig.described = (0..30).map(retrying).collect();
    rig.open[17].started = Some(ago(1));
    rig.run(Duration::from_secs(300));
    let newest = times(&rig, "w-17");
    for other in (0..30).filter(|n| *n != 17) {
        let times = times(&rig, &format!("w-{other}"));
        assert!(!times.is_empty() && times.len() < newest.len() / 2, "{other}: {times:?}");
    }
}

#[test]
fn workflow_in_the_log_is_described_next() {
    let mut rig = Rig::new(running(20), Vec::new());
    rig.run(Duration::from_secs(30));
    for id in ["w-3", "in no list yet"] {
        let key = RunKey { workflow_id: id.to_owned(), run_id: format!("run-of-{id}") };
        rig.described = vec![Description { task: Some(task(2)), ..description(id) }];
        if id != "w-3" {
            rig.open.push(execution(id, ExecutionStatus::Running));
        }
        rig.plan.is_logged(key.clone());
        rig.sent.clear();
        rig.run(Duration::from_secs(1));
        let sent: Vec<&SampleRequest> = rig.sent.iter().map(|(_, look)| look).collect();
        assert!(
            matches!(sent[0], SampleRequest::Run { key: first, .. } if *first == key),
            "{sent:?}"
        );
        assert!(sent.contains(&&SampleRequest::Events(key)), "why it fails: {sent:?}");
    }
    let many = |n: usize| RunKey { workflow_id: format!("x-{n}"), run_id: String::new() };
    (0..500).for_each(|n| rig.plan.is_logged(many(n)));
    rig.sent.clear();
    rig.run(Duration::from_secs(60));
    assert!(rig.count(|look| matches!(look, SampleRequest::Run { .. })) <= DESCRIBES);
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
    let known =
        |rig: &Rig| rig.plan.sample("default", now(), |_| PollerProcess::Unknown).ended.len();
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
    assert_eq!(queries(&look, now()), [expected]);
}

#[test]
fn every_ended_workflow_id_is_looked_for_in_turn() {
    let failed =
        (0..120).map(|n| execution(&format!("w-{n:03}"), ExecutionStatus::Failed)).collect();
    let mut rig = Rig::new(Vec::new(), failed);
    rig.run(Duration::from_secs(60));
    let requests: Vec<&Vec<String>> = rig
        .sent
        .iter()
        .filter_map(|(_, it)| if let SampleRequest::Completed(ids) = it { Some(ids) } else { None })
        .collect();
    let asked: BTreeSet<&String> = requests.iter().take(3).copied().flatten().collect();
    assert_eq!(asked.len(), 120);
    assert_eq!(requests[3][0], requests[0][30], "the third request has 20 IDs and 30 again");
}

fn heartbeat(queue: &str, is_running: bool, kinds: Vec<QueueKind>) -> WorkerHeartbeat {
    WorkerHeartbeat {
        identity: "58@box".to_owned(),
        host: "box".to_owned(),
        pid: Some(58),
        task_queue: queue.to_owned(),
        kinds,
        sdk: "python 1".to_owned(),
        is_running,
        started: Some(ago(600)),
        at: Some(ago(10)),
    }
}

#[test]
fn queues_of_workers_are_described_without_workflows() {
    let mut rig = Rig::new(Vec::new(), Vec::new());
    rig.workers = vec![
        heartbeat("orders", true, vec![QueueKind::Workflow]),
        heartbeat("gone", false, vec![QueueKind::Workflow, QueueKind::Activity]),
    ];
    rig.run(Duration::from_secs(30));
    let queues: BTreeSet<(&str, QueueKind)> = rig
        .sent
        .iter()
        .filter_map(|(_, it)| match it {
            SampleRequest::Queue(name, kind) => Some((name.as_str(), *kind)),
            _ => None,
        })
        .collect();
    assert_eq!(queues, BTreeSet::from([("orders", QueueKind::Workflow)]));
    let sample = rig.plan.sample("default", now(), |_| runs());
    let has_shut_down: Vec<bool> =
        sample.workers.iter().map(|it| it.poller.has_shut_down).collect();
    assert_eq!(has_shut_down, [false, true]);
}

#[test]
fn worker_that_keeps_a_task_is_named() {
    let started = PendingActivity { is_started: true, worker: "1@a".to_owned(), ..activity(1) };
    let mut rig = Rig::new(running(1), Vec::new());
    let key = RunKey { workflow_id: "w-0".to_owned(), run_id: "run-of-w-0".to_owned() };
    let run = Description {
        activities: vec![started],
        task: Some(PendingTask { is_started: true, ..task(1) }),
        ..description("w-0")
    };
    rig.plan.take(
        SampleRequest::Open(Vec::new()),
        Ok(rig.answer(&SampleRequest::Open(Vec::new()))),
        rig.took,
        rig.now,
    );
    let describe = |rig: &mut Rig| {
        let request = SampleRequest::Run { key: key.clone(), purpose: DescribePurpose::New };
        rig.plan.take(request, Ok(Answer::Run(Some(run.clone()), now())), rig.took, rig.now);
    };
    describe(&mut rig);
    let names =
        |rig: &Rig| -> Vec<String> { rig.plan.worker_names().map(|it| it.identity).collect() };
    assert_eq!(names(&rig), ["1@a"]);
    let wants_events = |rig: &mut Rig| {
        (0..9).any(|_| match rig.plan.next(&mut rig.budget, rig.now) {
            NextStep::Send(request @ SampleRequest::Events(_)) => {
                _ = request;
                true
            }
            NextStep::Send(request) => {
                let answer = rig.answer(&request);
                if !matches!(request, SampleRequest::Run { .. }) {
                    rig.plan.take(request, Ok(answer), rig.took, rig.now);
                }
                false
            }
            NextStep::Pause(_) | NextStep::Idle(_) => false,
        })
    };
    assert!(!wants_events(&mut rig), "the task may have begun just now");
    describe(&mut rig);
    assert!(wants_events(&mut rig));
}

#[test]
fn pollers_are_named_with_their_last_poll() {
    let mut rig = Rig::new(Vec::new(), Vec::new());
    rig.workers = vec![heartbeat("orders", true, vec![QueueKind::Workflow])];
    rig.run(Duration::from_secs(1));
    let pollers = vec![QueuePoller { identity: "7@ci".to_owned(), last_poll: Some(ago(5)) }];
    let state = QueueState { pollers, ..QueueState::default() };
    let request = SampleRequest::Queue("orders".to_owned(), QueueKind::Workflow);
    rig.plan.take(request, Ok(Answer::Queue(state)), rig.took, rig.now);
    assert_eq!(rig.plan.polling().collect::<Vec<_>>(), ["7@ci"], "a report is no poll");
    let names: Vec<_> =
        rig.plan.worker_names().map(|it| (it.identity, it.last_poll, it.place)).collect();
    let place = Some(("box".to_owned(), 58));
    let expected =
        [("7@ci".to_owned(), Some(ago(5)), None), ("58@box".to_owned(), Some(ago(10)), place)];
    assert_eq!(names, expected);
}
