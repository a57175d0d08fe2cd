//! Ports that nobody else will be given.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{LazyLock, Mutex};

/// Below the range from which the kernel gives ports to whoever asks for any:
/// what Temporal chooses for itself never falls on one of these.
const FIRST: u16 = 12_000;
const COUNT: u16 = 19_000;

/// A port of 127.0.0.1 on which nobody listens, given out once in this process.
pub fn free() -> u16 {
    // Another run of these tests on the same machine begins elsewhere.
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let nanos = jiff::Timestamp::now().as_nanosecond() / 1000;
        AtomicU16::new((nanos % i128::from(COUNT)) as u16)
    });
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    (0..COUNT)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port below the ephemeral ones")
}
