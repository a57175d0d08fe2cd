//! Tests of the processes of workers.

use super::{ago, now};
use crate::problems::pollers::{KnownWorker, Pollers, WorkerName};
use crate::problems::sample::PollerProcess;
use crate::process::Pid;
use crate::process::identity::own_pid;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

fn host() -> String {
    nix::unistd::gethostname().unwrap().to_string_lossy().into_owned()
}

fn name(identity: &str, last_poll: Option<SystemTime>) -> WorkerName {
    WorkerName { identity: identity.to_owned(), last_poll, place: None }
}

fn sleeping() -> (Child, Pid) {
    let child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::try_from(child.id()).unwrap();
    (child, pid)
}

#[tokio::test]
async fn process_is_found_by_identity_until_its_end() {
    let (mut child, pid) = sleeping();
    let identity = format!("{pid}@{}", host());
    let mut pollers = Pollers::new();
    let mut look = async |last_poll| {
        pollers.look(None, vec![name(&identity, last_poll)]).await;
        (pollers.process(&identity), pollers.details(&identity))
    };
    // The child process has the command line of this one until it runs its program.
    while std::fs::read(format!("/proc/{pid}/cmdline")).unwrap() != b"sleep\x0060\0" {
        std::thread::yield_now();
    }
    let (process, details) = look(Some(SystemTime::now())).await;
    let started = process.started();
    assert!(started.is_some_and(|at| at <= SystemTime::now()), "{started:?}");
    assert_eq!(process, PollerProcess::Runs { pid, command: "sleep 60".to_owned(), started });
    assert!(details.rss_bytes > Some(0) && details.age.is_some() && !details.folder.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let (process, details) = look(Some(SystemTime::now())).await;
    let PollerProcess::Ended { pid: ended, command, since: Some(_) } = process else {
        panic!("{process:?}")
    };
    assert_eq!((ended, command.as_str()), (pid, "sleep 60"));
    assert_eq!((details.rss_bytes, details.cpu_percent, details.age), (None, None, None));
    // A later poll comes from another process with this name.
    let later = SystemTime::now() + Duration::from_secs(2);
    assert_eq!(look(Some(later)).await.0, PollerProcess::Unknown);
}

#[tokio::test]
async fn machine_and_process_come_from_the_report_or_the_identity() {
    let own = own_pid();
    let mut pollers = Pollers::new();
    let reported = |identity: &str, host: &str, pid| WorkerName {
        place: Some((host.to_owned(), pid)),
        ..name(identity, None)
    };
    let cases = [
        (name(&format!("{own}@{}", host()), None), Some(own)),
        (name(&format!("{own}@{}@orders", host()), None), Some(own)),
        (reported("my-worker", &host(), own), Some(own)),
        (name("my-worker", None), None),
        (name(&format!("0@{}", host()), None), None),
        (name(&format!("-1@{}", host()), None), None),
    ];
    for (name, expected) in cases {
        pollers.look(None, vec![name.clone()]).await;
        assert_eq!(pollers.process(&name.identity).pid(), expected, "{name:?}");
    }
    for name in [name("7@ci-box", None), reported("named", "ci-box", own)] {
        pollers.look(None, vec![name.clone()]).await;
        assert_eq!(pollers.process(&name.identity), PollerProcess::Remote, "{name:?}");
    }
    assert_eq!(pollers.process("never seen"), PollerProcess::Unknown);
}

#[tokio::test]
async fn connected_process_is_another_one_until_a_worker_that_polls_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (own, mut pollers) = (own_pid(), Pollers::new());
    pollers.look(Some(port), vec![]).await;
    let is_other = |pollers: &Pollers, polling: &[&str]| {
        pollers.others(polling.iter().copied()).contains(&own)
    };
    assert!(is_other(&pollers, &[]));
    let named = name(&format!("{own}@{}", host()), None);
    pollers.look(Some(port), vec![named.clone()]).await;
    assert!(is_other(&pollers, &[]), "its first report has no kind of polls");
    assert!(!is_other(&pollers, &[&named.identity]));
    assert!(matches!(pollers.process(&named.identity), PollerProcess::Runs { .. }));
}

/// A number of seconds ago, and whether the process was connected then.
type Look = (u64, Option<bool>);

/// Looks at a running process 58 at each of these times, with these connections. Returns the last result.
fn watched(looks: &[Look], last_poll: Option<SystemTime>) -> &'static str {
    let mut known = KnownWorker::new(Instant::now());
    for (seconds_ago, is_connected) in looks {
        known.is_there(58, *is_connected, last_poll, ago(*seconds_ago));
    }
    match known.process {
        PollerProcess::Runs { .. } => "runs",
        PollerProcess::Disconnected { since, .. } if since == ago(looks[1].0) => "disconnected",
        PollerProcess::Disconnected { .. } => "disconnected at another time",
        PollerProcess::Ended { .. } => "ended",
        PollerProcess::Remote | PollerProcess::Unknown => "unknown",
    }
}

#[test]
fn worker_without_its_connection_is_disconnected() {
    let (yes, no) = (Some(true), Some(false));
    let (old, new) = (Some(ago(20)), Some(now()));
    let cases: [(&[Look], _, _); 9] = [
        (&[(9, yes), (5, no)], old, "runs"),
        (&[(9, yes), (5, no), (4, no)], old, "runs"),
        (&[(9, yes), (5, no), (3, no)], old, "disconnected"),
        (&[(9, yes), (5, no), (3, yes)], old, "runs"),
        (&[(9, yes), (5, no), (4, yes), (3, no)], old, "runs"),
        // The worker polls through another program now.
        (&[(9, yes), (5, no), (0, no)], new, "unknown"),
        // It was never connected: another process has the pid.
        (&[(9, no), (5, no)], old, "unknown"),
        (&[(9, None), (5, None)], old, "runs"),
        (&[(9, yes), (5, None)], old, "runs"),
    ];
    for (looks, last_poll, expected) in cases {
        assert_eq!(watched(looks, last_poll), expected, "{looks:?}");
    }
}
