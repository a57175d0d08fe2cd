//! stigmer requests workflows and workers from the server only while a client requests them.

use crate::support::calls::{LOOKS, received};
use crate::support::rig::Rig;
use crate::support::wait_until;

/// The number of requests for workflows and workers, and of rounds of health checks.
fn counts(server: i32) -> (u64, u64) {
    let calls = received(server);
    let count = |method: &str| calls.get(method).copied().unwrap_or_default();
    (LOOKS.iter().map(|method| count(method)).sum(), count("DescribeNamespace"))
}

/// Waits until the server gets no request for workflows and workers during 50 rounds of health checks.
/// Returns the number of these requests since its start.
#[track_caller]
fn wait_for_silence(server: i32) -> u64 {
    let mut begin = counts(server);
    wait_until("50 rounds without a request for workflows", || {
        let now = counts(server);
        if now.0 != begin.0 {
            begin = now;
        }
        now.1 >= begin.1 + 50
    });
    begin.0
}

#[test]
fn server_gets_requests_for_workflows_only_while_a_client_requests_them() {
    let rig = Rig::with(&[("probe-period", "\"100ms\"")]);
    let (_, server) = rig.start_both();
    assert_eq!(wait_for_silence(server.pid), 0);
    rig.problems().exits(0);
    // The metrics of the server are some seconds old.
    wait_until("requests for workflows", || counts(server.pid).0 > 0);
    // The host samples for 15 s after a request.
    let after = wait_for_silence(server.pid);
    rig.run(&["status"]).exits(0);
    assert_eq!(wait_for_silence(server.pid), after);
}
