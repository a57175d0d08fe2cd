//! Ports for tests. No two tests get the same port.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The first port. All ports for tests are below the range of ephemeral ports. So Temporal, which
/// chooses some of its ports freely, never chooses a port of a test.
const FIRST: u16 = 12_000;
const COUNT: u16 = 19_000;

/// Number of reserved ports per test process: more than its tests use at the same time.
const RESERVED: usize = 256;

struct Ports {
    next: u16,
    /// An abstract socket for each reserved port. Its name belongs to the network namespace, like
    /// the port. So two test runs use different ports even if they cannot see each other's
    /// processes.
    reserved: VecDeque<UnixListener>,
}

/// Returns a port of 127.0.0.1 without a listener. No other test run in this network namespace gets
/// the port until this process has taken [`RESERVED`] other ports.
pub fn free() -> u16 {
    static PORTS: LazyLock<Mutex<Ports>> = LazyLock::new(|| {
        let nanos = jiff::Timestamp::now().as_nanosecond() / 1000;
        let next = (nanos % i128::from(COUNT)) as u16;
        Mutex::new(Ports { next, reserved: VecDeque::new() })
    });
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..COUNT {
        let port = FIRST + ports.next % COUNT;
        ports.next = (ports.next + 1) % COUNT;
        let name = SocketAddr::from_abstract_name(format!("stigmer-test-port-{port}"));
        let Ok(reservation) = UnixListener::bind_addr(&name.unwrap()) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            if ports.reserved.len() == RESERVED {
                ports.reserved.pop_front();
            }
            ports.reserved.push_back(reservation);
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
