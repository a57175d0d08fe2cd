//! Calls to peers that behave like a Temporal server, to other programs, and to hostile peers.

#[path = "../../../tests/support/peer.rs"]
mod peer;

mod answers;

use super::Client;
use crate::temporal::actions::{RetriedActivities, RunRef};
use crate::temporal::workflows::StatusCounts;
use futures_util::future::join_all;
use peer::{Answer, field, headers};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The time limit of one call. A call to a silent peer takes all of it.
const PATIENCE: Duration = Duration::from_millis(300);

/// A limit for all calls together, which detects a hang. Long enough for a busy machine.
const BOUND: Duration = Duration::from_secs(120);

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn scripted(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Client {
    let (listener, address) = listener();
    peer::serve(listener, script);
    Client::new(&address, Duration::from_secs(10)).unwrap()
}

/// Makes every kind of call that stigmer makes. Returns the errors.
async fn all_calls(client: &Client) -> Vec<String> {
    let (serving, namespace, engine, info, workflows, holdings) = tokio::join!(
        client.serving(),
        client.namespace("default"),
        client.engine("default"),
        client.info(),
        client.status_counts("default"),
        client.holdings(None),
    );
    [serving, namespace, engine, info.map(drop), workflows.map(drop), holdings.map(drop)]
        .into_iter()
        .filter_map(Result::err)
        .collect()
}

#[tokio::test]
async fn healthy_peer_passes_all_calls() {
    let client = scripted(|path| peer::temporal(path, "1.2.3"));
    assert_eq!(all_calls(&client).await, Vec::<String>::new());
    assert_eq!(client.info().await.unwrap().server_version, "1.2.3");
}

#[tokio::test]
async fn details_that_are_not_base64_do_not_change_the_status() {
    for in_head in [true, false] {
        let client = scripted(move |_| {
            let bad = [("grpc-status", &b"13"[..]), ("grpc-status-details-bin", b"***")];
            let bad = headers(&bad);
            if in_head { Answer::Head(bad) } else { Answer::Trailers(vec![], bad) }
        });
        let failed = all_calls(&client).await;
        assert_eq!(failed.len(), 6, "{failed:?}");
        assert!(failed.iter().all(|error| error.ends_with("Internal: ")), "{failed:?}");
    }
}

/// A server with an activity `call_bank` of `refund-0` that waits for its attempt 3. `answers`
/// answers the calls that change the activity, such as `Pause`. Returns these calls, too.
fn server_of_activity(
    answers: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
) -> (Client, Arc<Mutex<Vec<String>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&calls);
    let client = scripted(move |path| {
        let method = path.rsplit('/').next().unwrap();
        let answer = match method.strip_suffix("Activity") {
            Some(call) => {
                let mut log = log.lock().unwrap();
                let earlier = log.iter().filter(|it| *it == call).count();
                log.push(call.to_owned());
                answers(call, earlier)
            }
            None => {
                let name = field(2, &field(1, b"call_bank"));
                let activity = [&field(1, b"7")[..], &name, &[7 << 3, 3]].concat();
                Some(Answer::message(&[field(2, &[]), field(3, &activity)].concat()))
            }
        };
        answer.unwrap_or_else(|| Answer::message(&[]))
    });
    (client, calls)
}

fn refund() -> RunRef {
    RunRef {
        namespace: "default".to_owned(),
        workflow_id: "refund-0".to_owned(),
        run_id: String::new(),
    }
}

#[tokio::test]
async fn activity_is_reset_if_the_server_refuses_to_pause_it() {
    let unimplemented = Answer::status("12", "unknown method");
    let wrong_state = Answer::status("9", "the activity is not in the state for it");
    let gone = Answer::status("5", "no such activity");
    let reset = |is_reset| Ok(RetriedActivities { count: 1, is_reset });
    let cases = [
        (None, None, reset(false), "Pause Unpause"),
        (Some(unimplemented), None, reset(true), "Pause Reset"),
        (None, Some(wrong_state), reset(true), "Pause Unpause Reset"),
        (Some(gone.clone()), None, Err("NotFound: no such activity"), "Pause"),
        (None, Some(gone), Err("NotFound: no such activity"), "Pause Unpause"),
    ];
    for (pause, unpause, expected, expected_calls) in cases {
        let (client, calls) = server_of_activity(move |call, _| match call {
            "Pause" => pause.clone(),
            "Unpause" => unpause.clone(),
            _ => None,
        });
        let retried = client.retry_activities(&refund(), "call_bank", &TaskTracker::new()).await;
        assert_eq!(retried.as_ref().map_err(String::as_str), expected.as_ref().map_err(|it| *it));
        assert_eq!(calls.lock().unwrap().join(" "), expected_calls);
    }
}

#[tokio::test]
async fn activity_is_unpaused_although_nobody_waits_for_it() {
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let (client, calls) = server_of_activity(move |call, _| {
        if call == "Pause" {
            stopping.cancel();
        }
        None
    });
    let (run, tasks) = (refund(), TaskTracker::new());
    let retry = client.retry_activities(&run, "call_bank", &tasks);
    assert_eq!(stop.run_until_cancelled(retry).await, None);
    tasks.close();
    tokio::time::timeout(BOUND, tasks.wait()).await.unwrap();
    assert_eq!(calls.lock().unwrap().join(" "), "Pause Unpause");
}

#[tokio::test]
async fn activity_is_unpaused_after_errors_or_the_message_names_the_command() {
    let unavailable = || Some(Answer::status("14", "try later"));
    let (client, calls) = server_of_activity(move |call, earlier| match (call, earlier) {
        ("Unpause", 0 | 1) => unavailable(),
        _ => None,
    });
    let tasks = TaskTracker::new();
    let retried = client.retry_activities(&refund(), "call_bank", &tasks).await;
    assert_eq!(retried, Ok(RetriedActivities { count: 1, is_reset: false }));
    assert_eq!(calls.lock().unwrap().join(" "), "Pause Unpause Unpause Unpause");

    // The server may have performed a call whose response is missing.
    let (client, calls) = server_of_activity(move |call, _| match call {
        "Pause" => unavailable(),
        _ => None,
    });
    let error = client.retry_activities(&refund(), "call_bank", &tasks).await.unwrap_err();
    assert_eq!(error, "Unavailable: try later");
    assert_eq!(calls.lock().unwrap().join(" "), "Pause Unpause");

    let (client, calls) = server_of_activity(move |call, _| match call {
        "Unpause" => unavailable(),
        _ => None,
    });
    let error = client.retry_activities(&refund(), "call_bank", &tasks).await.unwrap_err();
    let expected = format!(
        "the activity call_bank is paused, because it was not unpaused: Unavailable: try later; \
         retry it again, or run `temporal activity unpause --activity-id 7 --workflow-id refund-0 \
         --namespace default --address {}`",
        client.address()
    );
    assert_eq!(error, expected);
    assert_eq!(calls.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn overflowing_counts_saturate() {
    let client = scripted(|path| {
        let status = field(2, b"\"Running\"");
        // Field 2 of the message is the count. Its value here is the largest possible number.
        let mut group = field(1, &status);
        group.extend([2 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        match path.ends_with("CountWorkflowExecutions") {
            true => Answer::message(&field(2, &group).repeat(3)),
            false => Answer::message(&[]),
        }
    });
    assert_eq!(client.status_counts("default").await.unwrap().open, u64::MAX);
}

#[tokio::test]
async fn known_namespace_is_not_counted_again() {
    let counted = Arc::new(AtomicUsize::new(0));
    let counts = counted.clone();
    let client = scripted(move |path| match path.rsplit('/').next() {
        Some("ListNamespaces") => {
            let names: [&[u8]; 3] = [b"default", b"other", b"temporal-system"];
            let namespace = |name| field(1, &field(1, &field(1, name)));
            Answer::message(&names.map(namespace).concat())
        }
        Some("CountWorkflowExecutions") => {
            counts.fetch_add(1, Ordering::Relaxed);
            let group = [field(1, &field(2, b"\"Running\"")), vec![2 << 3, 3]].concat();
            Answer::message(&field(2, &group))
        }
        _ => Answer::Silence,
    });
    let running = async |known| client.holdings(known).await.unwrap().running;
    assert_eq!((running(None).await, counted.swap(0, Ordering::Relaxed)), (6, 2));
    let known = StatusCounts { open: 40, ..StatusCounts::default() };
    let known = running(Some(("default", known))).await;
    assert_eq!((known, counted.load(Ordering::Relaxed)), (43, 1));
}

#[tokio::test]
async fn text_of_a_peer_becomes_one_harmless_line_of_bounded_length() {
    let evil = format!("\u{1b}]0;owned\u{7}\u{9b}31m\r\nline\u{202e}{}", "x".repeat(10_000));
    let client = scripted(move |path| match path.ends_with("GetClusterInfo") {
        true => peer::temporal(path, &evil),
        false => Answer::status("13", &evil),
    });
    let mut texts = all_calls(&client).await;
    assert_eq!(texts.len(), 5, "{texts:?}");
    let info = client.info().await.unwrap();
    texts.extend([info.server_version, info.cluster_id]);
    for text in texts {
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        assert!(text.chars().count() < 1000, "{} characters", text.len());
    }
}

#[tokio::test]
async fn partial_late_or_missing_response_times_out() {
    let late = Answer::Late(PATIENCE * 10, Box::new(Answer::message(&[])));
    for answer in [Answer::Half, Answer::Silence, late] {
        let (listener, address) = listener();
        peer::serve(listener, move |_| answer.clone());
        let failed = all_calls(&Client::new(&address, PATIENCE).unwrap()).await;
        assert_eq!(failed.len(), 6);
        let timed_out = |error: &String| error.contains("no response within 300ms");
        assert!(failed.iter().all(timed_out), "{failed:?}");
    }
}

/// Random HTTP/2 frames and other bytes that a peer may send after the connection preface of the
/// client.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let anything = (
        prop_oneof![4 => 0u8..10, 1 => any::<u8>()],
        any::<u8>(),
        prop::sample::select(vec![0u32, 1, 3, 5, 0x7fff_ffff]),
        prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::sample::select(payloads()),],
        // Sometimes the length in the frame is not that of the payload.
        prop_oneof![8 => Just(0u32), 1 => 0u32..0x00ff_ffff],
    );
    let anything = anything.prop_map(|(kind, flags, stream, payload, wrong)| {
        let length = if wrong == 0 { payload.len() as u32 } else { wrong };
        frame(length, kind, flags, stream, &payload)
    });
    // A response to a call that is in progress. Each part of it is correct, random or missing.
    let payload = || prop::sample::select(payloads());
    let part =
        |kind: u8, flags: u8| payload().prop_map(move |payload| Some((kind, flags, payload)));
    let head = prop_oneof![4 => Just(Some((1, 4, payloads().remove(0)))), 1 => part(1, 4)];
    let data = prop_oneof![2 => Just(None), 1 => part(0, 0)];
    // The third payload is the status whose details are not base64.
    let trailers = prop_oneof![1 => Just(Some((1, 5, payloads().remove(2)))), 2 => part(1, 5)];
    let parts = (prop::sample::select(vec![1u32, 3, 5, 7, 9]), head, data, trailers);
    let response = parts.prop_map(|(stream, head, data, trailers)| {
        let parts = [head, data, trailers].into_iter().flatten();
        parts.fold(Vec::new(), |mut bytes, (kind, flags, payload)| {
            bytes.extend(frame(payload.len() as u32, kind, flags, stream, &payload));
            bytes
        })
    });
    let frame = prop_oneof![1 => anything, 4 => response];
    let settings = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    let greeting = prop_oneof![8 => Just(settings), 1 => Just(vec![])];
    let frames = prop::collection::vec(frame, 1..5);
    let cut = prop_oneof![4 => Just(0usize), 1 => 1usize..40];
    (greeting, frames, cut).prop_map(|(mut bytes, frames, cut)| {
        bytes.extend(frames.concat());
        bytes.truncate(bytes.len().saturating_sub(cut));
        bytes
    })
}

fn frame(length: u32, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Header blocks and messages like those of a gRPC server, many of them damaged.
fn payloads() -> Vec<Vec<u8>> {
    let literal = |name: &str, value: &[u8]| {
        let mut block = vec![0, name.len() as u8];
        block.extend(name.as_bytes());
        block.push(value.len() as u8);
        block.extend(value);
        block
    };
    // 0x88 stands for `:status: 200` in the static table of HPACK.
    let head = [vec![0x88], literal("content-type", b"application/grpc")].concat();
    let bad = [literal("grpc-status", b"13"), literal("grpc-status-details-bin", b"***")].concat();
    let many: Vec<u8> = (0..100).flat_map(|n| literal(&format!("x-{n}"), &[b'a'; 100])).collect();
    vec![
        head.clone(),
        [head.clone(), bad.clone()].concat(),
        bad,
        [head.clone(), literal("grpc-status", b"99999999")].concat(),
        [head.clone(), literal("grpc-message", b"%00%1b%ff%"), literal("grpc-status", b"2")]
            .concat(),
        [head.clone(), literal("grpc-encoding", b"gzip")].concat(),
        [vec![0x88], literal("content-type", b"text/html")].concat(),
        [head.clone(), many.clone()].concat(),
        literal("grpc-status", b"0"),
        many,
        // The beginning of a message whose length is given as 4 GiB.
        [vec![0, 0xff, 0xff, 0xff, 0xff], vec![0; 1000]].concat(),
        // A compressed message, and a message with an unknown compression.
        [vec![1, 0, 0, 0, 4], vec![0x1f, 0x8b, 8, 0]].concat(),
        vec![7, 0, 0, 0, 0],
        // Nested groups, and a length that exceeds the message.
        [vec![0, 0, 0, 0, 200], vec![0x0b; 200]].concat(),
        [vec![0, 0, 0, 0, 6], vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        vec![0xff; 16],
    ]
}

/// Shows that the bytes which the next test generates reach the same code as the scripted
/// responses.
#[tokio::test]
async fn bytes_of_a_valid_response_are_parsed() {
    let settings = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    let [head, _, bad] = &payloads()[..3] else { panic!("at least three payloads") };
    let response =
        [settings, frame(head.len() as u32, 1, 4, 1, head), frame(bad.len() as u32, 1, 5, 1, bad)];
    let (listener, address) = listener();
    peer::serve_bytes(listener, response.concat());
    let client = Client::new(&address, Duration::from_secs(10)).unwrap();
    assert_eq!(client.serving().await, Err("Internal: ".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_of_a_peer_panic_or_hang_a_call() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let strategy = bytes();
    let clients: Vec<(Vec<u8>, Client)> = (0..150)
        .map(|_| {
            let bytes = strategy.new_tree(&mut runner).unwrap().current();
            let (listener, address) = listener();
            peer::serve_bytes(listener, bytes.clone());
            (bytes, Client::new(&address, PATIENCE).unwrap())
        })
        .collect();
    let begun = Instant::now();
    let failures = join_all(clients.iter().map(|(_, client)| async {
        let mut errors = all_calls(client).await;
        errors.extend(all_calls(client).await);
        errors
    }))
    .await;
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    for ((bytes, _), errors) in clients.iter().zip(failures) {
        let panicked = errors.iter().any(|error| error.contains("violates the gRPC protocol"));
        assert!(!panicked, "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_headers_and_messages_time_out() {
    let head: Vec<u8> =
        [b"\0\0\0\x04\0\0\0\0\0".to_vec(), b"\0\0\x01\x01\0\0\0\0\x01\x88".to_vec()].concat();
    // Continuation frames of 16 KiB. None of them has the flag of the last frame.
    let mut block = b"\0\x40\0\x09\0\0\0\0\x01".to_vec();
    block.extend([0, 4, b'x', b'-', b'x', b'x', 0x7f, 0x80, 0x7f]);
    block.resize(9 + 0x4000, b'a');
    let mut endless = head.clone();
    (0..2000).for_each(|_| endless.extend(&block));
    // The beginning of a message whose length is given as 2 GiB.
    let mut data = head;
    data[13] = 4;
    data.extend(b"\0\0\x05\0\0\0\0\0\x01\0\x7f\xff\xff\xff");
    let mut frame = b"\0\x40\0\0\0\0\0\0\x01".to_vec();
    frame.resize(9 + 0x4000, 0);
    (0..2000).for_each(|_| data.extend(&frame));
    let begun = Instant::now();
    for bytes in [endless, data] {
        let (listener, address) = listener();
        peer::serve_bytes(listener, bytes);
        let client = Client::new(&address, PATIENCE).unwrap();
        assert_eq!(all_calls(&client).await.len(), 6);
    }
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}
