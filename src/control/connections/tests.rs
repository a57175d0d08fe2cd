use super::*;
use axum::body::Bytes;
use axum::routing::get;
use futures_util::stream;
use std::future::pending;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const MOST: usize = 4;

/// A server that accepts at most [`MOST`] connections.
struct Rig {
    folder: tempfile::TempDir,
    _closing: tokio_util::sync::DropGuard,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let uid = nix::unistd::getuid().as_raw();
        let listener = super::super::listener::Owned { listener, uid };
        let beats = || {
            stream::unfold((), |()| async {
                sleep(Duration::from_millis(5)).await;
                Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"beat")), ()))
            })
        };
        let flood = || {
            stream::repeat_with(|| Ok::<_, std::convert::Infallible>(Bytes::from(vec![0; 4096])))
        };
        let routes = Router::new()
            .route("/quick", get(|| async { "done" }))
            .route("/never", get(pending::<()>))
            .route("/beats", get(move || async move { Body::from_stream(beats()) }))
            .route("/flood", get(move || async move { Body::from_stream(flood()) }));
        let closing = CancellationToken::new();
        tokio::spawn(serve(listener, MOST, routes, closing.clone()));
        Self { folder, _closing: closing.drop_guard() }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("socket")).await.unwrap()
    }

    async fn send(&self, path: &str) -> UnixStream {
        let mut stream = self.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: any\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request and waits for the first bytes of its response.
    async fn begin(&self, path: &str) -> UnixStream {
        let mut stream = self.send(path).await;
        stream.read_exact(&mut [0; 64]).await.unwrap();
        stream
    }

    async fn assert_answers(&self) {
        let mut stream = self.send("/quick").await;
        let mut response = [0; 15];
        stream.read_exact(&mut response).await.unwrap();
        assert_eq!(&response, b"HTTP/1.1 200 OK");
    }
}

/// Waits until the server has closed this connection.
async fn until_closed(stream: &mut UnixStream) {
    let mut rest = Vec::new();
    // Ignore an error: a reset of the connection is an end too.
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test(start_paused = true)]
async fn client_without_a_complete_request_is_closed() {
    let rig = Rig::new();
    for sent in ["", "GET /quick HTTP/1.1\r\nho", "GET /quick HTTP/1.1\r\nhost: any\r\n\r\n"] {
        let mut stream = rig.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let begun = tokio::time::Instant::now();
        until_closed(&mut stream).await;
        assert!(begun.elapsed() < 2 * HEAD, "{sent:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn longest_silent_connection_is_closed_for_a_new_one() {
    let rig = Rig::new();
    let mut silent = Vec::new();
    for _ in 0..MOST {
        silent.push(rig.connect().await);
    }
    rig.assert_answers().await;
    until_closed(&mut silent[0]).await;
    for _ in 0..3 * MOST {
        silent.push(rig.connect().await);
    }
    rig.assert_answers().await;
}

#[tokio::test]
async fn active_streams_and_waiting_commands_are_not_closed() {
    let rig = Rig::new();
    let mut beats = rig.begin("/beats").await;
    let mut waiting = rig.send("/never").await;
    let mut silent = Vec::new();
    for _ in 0..3 * MOST {
        silent.push(rig.connect().await);
        rig.assert_answers().await;
    }
    beats.read_exact(&mut [0; 256]).await.unwrap();
    tokio::select! {
        () = until_closed(&mut waiting) => panic!("the connection of the command was closed"),
        () = rig.assert_answers() => {}
    }
}

#[tokio::test(start_paused = true)]
async fn unread_response_is_closed_if_no_connection_is_idle() {
    let rig = Rig::new();
    let mut waiting = Vec::new();
    for _ in 1..MOST {
        waiting.push(rig.send("/never").await);
    }
    let mut unread = rig.begin("/flood").await;
    rig.assert_answers().await;
    until_closed(&mut unread).await;
}

#[tokio::test]
async fn new_client_waits_while_no_connection_may_be_closed() {
    let rig = Rig::new();
    let mut waiting = Vec::new();
    for _ in 0..MOST {
        waiting.push(rig.send("/never").await);
    }
    let mut next = rig.send("/quick").await;
    let mut response = [0; 15];
    tokio::select! {
        _ = next.read_exact(&mut response) => panic!("the limit was exceeded"),
        () = sleep(2 * SEARCH) => {}
    }
    waiting.pop();
    next.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"HTTP/1.1 200 OK");
}
