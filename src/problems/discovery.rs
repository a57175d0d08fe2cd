//! Decides when to look for task queues in the metrics of the server: if a process is connected and
//! polls no known queue. It may be a worker whose queue no workflow has used yet.

use crate::process::{Pid, memory};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Time until the next request while the same processes are unknown, for each request. A worker polls
/// seconds after it has connected; another client never polls.
const WAITS: [u64; 6] = [1, 2, 4, 8, 15, 60];

/// The connected processes that poll no known queue, and when the metrics are read next.
#[derive(Debug)]
pub struct Discovery {
    others: BTreeSet<Pid>,
    requests: usize,
    due: Instant,
}

impl Discovery {
    /// Creates the value without a process.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { others: BTreeSet::new(), requests: 0, due: now }
    }

    /// Takes note of the connected processes that poll no known queue. Returns whether the metrics are
    /// to be read now.
    pub fn is_due(&mut self, others: BTreeSet<Pid>, now: Instant) -> bool {
        if !others.is_subset(&self.others) {
            // Programs that connect again and again cause one request per second at most.
            self.requests = 0;
            self.due = self.due.min(now + Duration::from_secs(WAITS[0]));
        }
        self.others = others;
        !self.others.is_empty() && now >= self.due
    }

    /// Takes note of a request.
    pub fn sent(&mut self, now: Instant) {
        self.due = now + Duration::from_secs(WAITS[self.requests.min(WAITS.len() - 1)]);
        self.requests += 1;
    }
}

/// The port of the metrics in the command line of a server.
pub fn metrics_port(server: Pid) -> Option<u16> {
    port_in(&memory::words(server))
}

fn port_in(words: &[Vec<u8>]) -> Option<u16> {
    let at = words.iter().position(|word| word.starts_with(b"--metrics-port"))?;
    let value = match words[at].strip_prefix(b"--metrics-port=") {
        Some(value) => value,
        None => words.get(at + 1)?,
    };
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_less_and_less_often_while_the_same_processes_are_unknown() {
        let begun = Instant::now();
        let mut discovery = Discovery::new(begun);
        let due = |discovery: &mut Discovery, pids: &[Pid], ms: u64| {
            let now = begun + Duration::from_millis(ms);
            let is_due = discovery.is_due(pids.iter().copied().collect(), now);
            if is_due {
                discovery.sent(now);
            }
            is_due
        };
        assert!(!due(&mut discovery, &[], 0));
        let times: Vec<u64> = (0..200).filter(|s| due(&mut discovery, &[7], s * 1_000)).collect();
        assert_eq!(times, [0, 1, 3, 7, 15, 30, 90, 150]);
        let times: Vec<u64> =
            (200..220).filter(|s| due(&mut discovery, &[7, 8], s * 1_000)).collect();
        assert_eq!(times, [201, 202, 204, 208, 216], "a new process");
        let times: Vec<u64> = (220..240).filter(|s| due(&mut discovery, &[8], s * 1_000)).collect();
        assert_eq!(times, [231], "a process that has left is no new one");
        assert!(!due(&mut discovery, &[], 300_000));
    }

    #[test]
    fn port_is_read_from_a_command_line() {
        let port = |line: &str| {
            let words: Vec<Vec<u8>> =
                line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            port_in(&words)
        };
        assert_eq!(port("temporal server start-dev --metrics-port 4000 --headless"), Some(4000));
        assert_eq!(port("temporal server start-dev --metrics-port=4000"), Some(4000));
        for line in ["temporal server start-dev", "temporal --metrics-port", "a --metrics-port x"] {
            assert_eq!(port(line), None, "{line}");
        }
    }
}
