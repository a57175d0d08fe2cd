//! The calls that a server has received, from its metrics.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Calls about workflows and workers that no health check makes.
pub const LOOKS: [&str; 6] = [
    "ListWorkflowExecutions",
    "CountWorkflowExecutions",
    "ListNamespaces",
    "ListWorkers",
    "GetWorkflowExecutionHistory",
    "GetWorkflowExecutionHistoryReverse",
];

/// Returns the number of calls since the start of the server with this pid, by method.
pub fn received(server: i32) -> BTreeMap<String, u64> {
    let words = std::fs::read(format!("/proc/{server}/cmdline")).expect("the server runs");
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    let at = words.iter().position(|word| *word == b"--metrics-port").expect("a metrics port");
    let port = std::str::from_utf8(words[at + 1]).ok().and_then(|port| port.parse::<u16>().ok());
    let mut stream =
        TcpStream::connect(("127.0.0.1", port.expect("a port"))).expect("the metrics are served");
    stream.write_all(b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    let mut calls = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("service_requests{")) {
        let label = |name: &str| {
            let value = line.split_once(&format!("{name}=\""))?.1;
            Some(value.split_once('"')?.0)
        };
        let count = line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok());
        if label("service_name") == Some("frontend")
            && let (Some(method), Some(count)) = (label("operation"), count)
        {
            *calls.entry(method.to_owned()).or_default() += count as u64;
        }
    }
    calls
}
