//! The status over the control socket. A test that polls the status needs no new process for each
//! request.

use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The status of the host of this home. `None` if no host responds within one second.
pub fn ask(home: &Path) -> Option<Value> {
    ask_within(Duration::from_secs(1), home)
}

/// The status of the host of this home. `None` if no host responds within `limit`.
pub fn ask_within(limit: Duration, home: &Path) -> Option<Value> {
    let mut stream = UnixStream::connect(home.join("stigmer.sock")).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n").ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    serde_json::from_str(response.split_once("\r\n\r\n")?.1).ok()
}
