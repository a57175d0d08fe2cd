//! What a worker needs to know of the server.

use crate::supervisor::Generation;
use crate::temporal::polls::LoadedQueues;

/// How workers reach the server, and whether the server is ready for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerAccess {
    /// Whether workers can reach the server now.
    pub is_ready: bool,
    /// Whether its namespaces are as the projects need them, so that workers can start.
    pub is_prepared: bool,
    /// Number of the start of the server. A worker must connect again after each start.
    pub generation: Generation,
    /// `HOST:PORT` of the frontend.
    pub address: String,
    /// The port of a server on this machine. `None` for a server on another one, whose connections
    /// the kernel of this machine does not show with their processes.
    pub port: Option<u16>,
    /// The namespace of workers whose environment does not set another one.
    pub namespace: String,
    /// `HOST:PORT` of the metrics of the server. `None` if unknown.
    pub metrics: Option<String>,
    /// The task queues that the server has loaded, as far as its log names them.
    pub queues: LoadedQueues,
}

impl ServerAccess {
    /// The port in this address, if the address is of this machine.
    pub(crate) fn local_port(address: &str) -> Option<u16> {
        let (host, port) = address.rsplit_once(':')?;
        let is_local = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        port.parse().ok().filter(|_| is_local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_of_a_server_on_this_machine_only() {
        for (address, port) in [
            ("127.0.0.1:7233", Some(7233)),
            ("localhost:1", Some(1)),
            ("[::1]:80", Some(80)),
            ("10.0.0.1:7233", None),
            ("temporal.example:7233", None),
            ("127.0.0.1", None),
            ("127.0.0.1:x", None),
        ] {
            assert_eq!(ServerAccess::local_port(address), port, "{address}");
        }
    }
}
