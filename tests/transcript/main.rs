//! Messages of hosts of protocol 1 must stay readable as long as protocol 1 exists. `v1.sse` contains
//! the messages of a real host during a start, a crash with its repair, and a stop. The file is never
//! recorded again. It was recorded with this command:
//! `curl -sN --unix-socket ~/.stigmer/stigmer.sock http://_/v1/events`

use stigmer::control::sse::{self, EventSplitter};
use stigmer::protocol::State::{Ready, Starting, Stopped, Stopping};
use stigmer::protocol::{Change, Entry, Event, Happened, Mode, Snapshot};
use stigmer::supervisor::{Cause, Generation, Want};

const V1: &[u8] = include_bytes!("v1.sse");

/// Parses the transcript. The parser gets it in pieces, as from a socket.
fn events(transcript: &[u8]) -> Vec<Event> {
    let mut splitter = EventSplitter::default();
    let mut events = Vec::new();
    for piece in transcript.chunks(1_000) {
        splitter.push(piece);
        while let Some(block) = splitter.event() {
            events.extend(sse::read(&block).expect("a valid event"));
        }
    }
    assert_eq!(splitter.held(), 0, "no incomplete event is left");
    events
}

#[test]
fn transcript_of_protocol_1_gives_the_recorded_states() {
    let mut events = events(V1).into_iter();
    let Some(Event::Hello(hello)) = events.next() else { panic!("no greeting") };
    assert_eq!((hello.protocol, hello.objection()), (1, None));
    let Some(Event::Snapshot(fresh)) = events.next() else { panic!("no snapshot") };
    assert_eq!(fresh.missed, 0);
    let mut viewer: Snapshot = fresh.snapshot;
    assert_eq!((viewer.status.state, viewer.status.intent), (Stopped, Want::Down));
    let mut states = vec![];
    for event in events {
        let Event::Delta(delta) = event else { panic!("{event:?}") };
        assert_eq!(delta.seq, viewer.seq + 1);
        assert!(!delta.changes.contains(&Change::Unknown), "{delta:?}");
        viewer.apply(&delta);
        if states.last() != Some(&viewer.status.state) {
            states.push(viewer.status.state);
        }
        assert!(viewer.status.temporal.is_some() || !viewer.status.state.is_up(), "{viewer:?}");
    }
    assert_eq!(states, [Starting, Ready, Starting, Ready, Stopping, Stopped]);

    let status = &viewer.status;
    assert_eq!((status.intent, &status.temporal), (Want::Down, &None));
    assert_eq!(status.restarts.total, 1);
    let last = status.restarts.last.as_ref().expect("a restart");
    assert_eq!((last.cause, last.detail.as_str()), (Cause::Crash, "signal 9 (SIGKILL)"));
    assert!(last.recovery_ms.is_some_and(|ms| ms > 0) && last.ago_ms > 3_000, "{last:?}");
    assert!(viewer.probes.iter().flatten().count() >= 4 && viewer.rss.is_empty());
    assert!(status.log.lines > 0);
    let entries: Vec<(Happened, Generation, Cause)> =
        viewer.timeline.iter().map(|it| (it.happened, it.generation, it.cause)).collect();
    assert_eq!(
        entries[entries.len() - 4..],
        [
            (Happened::Ready, Generation(2), Cause::Operator),
            (Happened::Ended, Generation(2), Cause::Crash),
            (Happened::Ready, Generation(3), Cause::Crash),
            (Happened::Ended, Generation(3), Cause::Operator),
        ]
    );
}

/// The last snapshot of a viewer that receives these events.
fn last_snapshot(events: Vec<Event>) -> Option<Snapshot> {
    events.into_iter().fold(None, |viewer: Option<Snapshot>, event| match (viewer, event) {
        (_, Event::Snapshot(fresh)) => Some(fresh.snapshot),
        (Some(mut viewer), Event::Delta(delta)) => {
            viewer.apply(&delta);
            Some(viewer)
        }
        (viewer, _) => viewer,
    })
}

#[test]
fn additions_of_a_later_host_are_skipped() {
    let later = String::from_utf8(V1.to_vec())
        .expect("text")
        .replace(
            "event: delta\n",
            ": a comment\nevent: weather\ndata: {}\n\nretry: 9\nevent: delta\n",
        )
        .replace("\"changes\":", "\"later\":1,\"changes\":")
        .replace("{\"kind\":\"probe\",", "{\"kind\":\"weather\",\"rain\":[1]},{\"kind\":\"probe\",")
        .replace("\"kind\":\"state\",", "\"kind\":\"state\",\"later\":{\"a\":1},");
    let (now, later) = (last_snapshot(events(V1)), last_snapshot(events(later.as_bytes())));
    assert!(now.is_some());
    assert_eq!(now, later);
}

#[test]
fn entries_with_unknown_values_of_a_later_host_are_skipped() {
    let v1 = String::from_utf8(V1.to_vec()).expect("text");
    let later = v1
        .replace(
            "\"happened\":\"ready\",\"generation\":2",
            "\"happened\":\"thawed\",\"generation\":2",
        )
        .replace("\"cause\":\"crash\"", "\"cause\":\"quake\"")
        .replace("\"mode\":\"background\"", "\"mode\":\"service\"")
        .replace(
            "\"layers\":[",
            "\"layers\":[{\"name\":\"weather\",\"ok\":true,\"latency_us\":1},",
        );
    let (Some(mut now), Some(later)) =
        (last_snapshot(events(V1)), last_snapshot(events(later.as_bytes())))
    else {
        panic!("no snapshot")
    };
    assert!(now.timeline.len() > later.timeline.len() && !later.timeline.is_empty());
    let is_known = |it: &Entry| it.cause == Cause::Operator && it.generation != Generation(2);
    now.timeline.retain(|it| is_known(it));
    now.status.restarts.last = None;
    now.status.host.as_mut().expect("a host").mode = Mode::Other;
    assert_eq!(now, later);

    // An unknown state or intent must be an error: a viewer that skipped it would show an old
    // state.
    for (known, later) in [
        ("\"state\":\"ready\"", "\"state\":\"frozen\""),
        ("\"intent\":\"up\"", "\"intent\":\"idle\""),
    ] {
        let block = v1.split("\n\n").find(|block| block.contains("kind") && block.contains(known));
        let block = block.expect("a block with this value").replace(known, later);
        assert!(sse::read(block.as_bytes()).is_err_and(|why| why.contains("unknown variant")));
    }
}
