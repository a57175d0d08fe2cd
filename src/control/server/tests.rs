//! Tests of the control server with a manager, and requests for the tests of a host.

use super::*;
use crate::manager::Manager;
use crate::protocol::Mode;
use crate::unit::sweeps::Sweeps;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Time limit of a wait, much longer than any operation.
const LIMIT: Duration = Duration::from_secs(60);

async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, reached).await.expect("the condition");
}

#[test]
fn host_that_could_not_verify_the_stop_ends_only_if_a_client_waits() {
    let unproven = || Err(ApiError::new(ApiError::UNPROVEN, "why", "hint"));
    assert!(ends_host(&Ok(()), false) && ends_host(&Ok(()), true));
    assert!(ends_host(&unproven(), true), "the client searches itself");
    assert!(!ends_host(&unproven(), false), "the host searches again");
    assert!(!ends_host(&Err(leaving()), true));
}

/// A control server of a new home. Its manager does not run yet, so requests stay in the queue
/// of the manager.
struct Rig {
    home: Home,
    manager: Manager,
    handle: Handle,
    server: Server,
    _lock: Arc<HostLock>,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
        let (manager, handle) = Manager::new(settings, Mode::Headless, Sweeps::new(&lock)).unwrap();
        let server = Server::start(&home, &handle, &lock);
        Self { home, manager, handle, server, _lock: lock, _folder: folder }
    }
}

/// Connects to the socket of a home as soon as the control server listens.
async fn connect(home: &Home) -> UnixStream {
    let connected = async {
        loop {
            match UnixStream::connect(home.socket()).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    tokio::time::timeout(LIMIT, connected).await.expect("a connection")
}

/// Sends `GET /healthz`, and returns the code of the response.
pub(crate) async fn health(home: &Home) -> String {
    let request = b"GET /healthz HTTP/1.1\r\nhost: _\r\nconnection: close\r\n\r\n";
    let response = async {
        let mut stream = connect(home).await;
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let text = tokio::time::timeout(LIMIT, response).await.expect("a response");
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect(&text).to_owned()
}

/// Waits until the host is healthy. On a busy machine, the manager may need more than the second that a
/// response may take.
pub(crate) async fn until_healthy(home: &Home) {
    let healthy = async { while health(home).await != "200" {} };
    tokio::time::timeout(LIMIT, healthy).await.expect("it is healthy");
}

#[tokio::test]
async fn host_is_not_healthy_while_its_manager_hangs() {
    let Rig { home, manager, server, _lock, _folder, .. } = Rig::new();
    assert_eq!(health(&home).await, "503");
    let running = tokio::spawn(manager.run());
    until_healthy(&home).await;
    running.abort();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn connections_end_with_their_server() {
    let Rig { home, manager: _manager, handle, server, _lock, _folder } = Rig::new();
    // The TCP task also sends a request: the report that it has no problem. Wait until that
    // request is in the queue.
    until(|| handle.waiting() >= 1).await;
    let mut connections = Vec::new();
    for is_restored in [false, true] {
        if is_restored {
            std::fs::remove_file(home.socket()).unwrap();
            assert!(server.socket().restore());
        }
        let mut client = connect(&home).await;
        let head = b"POST /v1/start?wait=true HTTP/1.1\r\nhost: _\r\n\r\n";
        client.write_all(head).await.unwrap();
        connections.push(client);
        until(|| handle.waiting() > connections.len()).await;
    }
    server.stop().await.unwrap();
    for mut client in connections {
        let closed = async {
            // Ignore an error: a reset of the connection is an end too.
            let _ = client.read_to_end(&mut Vec::new()).await;
        };
        tokio::time::timeout(Duration::from_secs(30), closed).await.expect("it is closed");
    }
}
