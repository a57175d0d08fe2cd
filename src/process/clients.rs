//! Finds the processes of this machine that are connected to a port of this machine.

use super::requirements::is_shortage;
use super::socket::ClientSocket;
use super::{Pid, linux, sock_diag};
use procfs::net::{TcpNetEntry, TcpState};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// Time between two searches through the descriptors of all processes. A search takes 10 ms and more
/// on a busy machine.
const SEARCH: Duration = Duration::from_secs(5);

/// The clients of a port. Each look updates the processes that an earlier look has found.
#[derive(Debug, Default)]
pub struct Clients {
    /// The process of each connection, by the inode of its socket.
    known: HashMap<u64, SocketProcess>,
    /// Processes whose descriptors cannot be read, for example processes of another user.
    hidden: BTreeSet<Pid>,
    searched: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SocketProcess {
    Found {
        pid: Pid,
        descriptor: u32,
    },
    /// No search has looked at all processes for this socket yet.
    Unsearched,
    /// No visible process has this socket.
    Invisible,
}

impl Clients {
    /// Reads the connections of a port. Looks for the processes of new connections among `likely`
    /// first, and at times among all processes.
    ///
    /// # Errors
    /// If the kernel does not report the connections, or the processes.
    pub fn look(&mut self, port: u16, likely: &[Pid], now: Instant) -> io::Result<()> {
        self.refresh(port)?;
        self.search(likely)?;
        let is_due = self.searched.is_none_or(|at| now.saturating_duration_since(at) >= SEARCH);
        if is_due && self.is_searching() {
            self.searched = Some(now);
            let everyone: Vec<Pid> = linux::processes()?.iter().map(|it| it.pid).collect();
            self.search_last(&everyone)?;
        }
        Ok(())
    }

    /// Reads the connections of a port. Returns whether there are new ones, or ones whose process has ended
    /// or closed its descriptor.
    ///
    /// # Errors
    /// If the kernel does not report the connections.
    pub fn refresh(&mut self, port: u16) -> io::Result<bool> {
        let mut sockets = match sock_diag::clients(port) {
            Ok(sockets) => sockets,
            Err(error) if is_shortage(&error) => return Err(error),
            Err(_) => from_procfs(port)?,
        };
        sockets.retain(ClientSocket::is_within_this_machine);
        let open: BTreeSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
        self.known.retain(|inode, _| open.contains(inode));
        for inode in open {
            let process = self.known.entry(inode).or_insert(SocketProcess::Unsearched);
            // A process that inherited the socket may still have it.
            if let SocketProcess::Found { pid, descriptor } = *process
                && !has_socket(pid, descriptor, inode).unwrap_or(true)
            {
                *process = SocketProcess::Unsearched;
            }
        }
        Ok(self.is_searching())
    }

    /// Looks for the processes of new connections among these only. A connection that none of them has
    /// is not looked for again.
    ///
    /// # Errors
    /// If the kernel does not report the descriptors of a process, for lack of resources.
    pub fn search_last(&mut self, pids: &[Pid]) -> io::Result<()> {
        self.search(pids)?;
        for process in self.known.values_mut().filter(|it| **it == SocketProcess::Unsearched) {
            *process = SocketProcess::Invisible;
        }
        Ok(())
    }

    /// Whether this process is connected to the port. `None` if this is unknown.
    #[must_use]
    pub fn is_connected(&self, pid: Pid) -> Option<bool> {
        let is_of = |it: &&SocketProcess| matches!(it, SocketProcess::Found { pid: its, .. } if *its == pid);
        let is_found = self.known.values().any(|process| is_of(&process));
        (is_found || !self.hidden.contains(&pid)).then_some(is_found)
    }

    /// Whether a process still has one of its known connections open. This costs one system call, and a
    /// look at the connections of the machine walks through a table of the kernel.
    #[must_use]
    pub fn keeps_connection(&self, of: Pid) -> bool {
        self.known.iter().any(|(known, process)| match process {
            SocketProcess::Found { pid, descriptor } if *pid == of => {
                has_socket(*pid, *descriptor, *known).unwrap_or(false)
            }
            SocketProcess::Found { .. } | SocketProcess::Unsearched | SocketProcess::Invisible => {
                false
            }
        })
    }

    /// The processes that are connected to the port.
    pub fn pids(&self) -> BTreeSet<Pid> {
        let pid = |process: &SocketProcess| match process {
            SocketProcess::Found { pid, .. } => Some(*pid),
            SocketProcess::Unsearched | SocketProcess::Invisible => None,
        };
        self.known.values().filter_map(pid).collect()
    }

    fn is_searching(&self) -> bool {
        self.known.values().any(|process| *process == SocketProcess::Unsearched)
    }

    /// Looks for the processes of new connections among `pids`.
    fn search(&mut self, pids: &[Pid]) -> io::Result<()> {
        for pid in pids {
            if !self.is_searching() {
                break;
            }
            self.hidden.remove(pid);
            let descriptors = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
                Ok(descriptors) => descriptors,
                Err(error) if is_shortage(&error) => return Err(error),
                Err(error) => {
                    if error.kind() == io::ErrorKind::PermissionDenied {
                        self.hidden.insert(*pid);
                    }
                    continue;
                }
            };
            for descriptor in descriptors.filter_map(Result::ok) {
                let Ok(target) = std::fs::read_link(descriptor.path()) else { continue };
                let Some(inode) = inode(target.as_os_str().as_bytes()) else { continue };
                if let Some(process) = self.known.get_mut(&inode) {
                    let name = descriptor.file_name();
                    let number = name.to_str().and_then(|name| name.parse().ok());
                    // A process that another one has started may have a copy of its socket.
                    if let (SocketProcess::Unsearched, Some(descriptor)) = (&process, number) {
                        *process = SocketProcess::Found { pid: *pid, descriptor };
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a descriptor of a process is this socket.
///
/// # Errors
/// If the kernel does not report the descriptor, for lack of resources.
fn has_socket(pid: Pid, descriptor: u32, socket: u64) -> io::Result<bool> {
    match std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}")) {
        Ok(target) => Ok(inode(target.as_os_str().as_bytes()) == Some(socket)),
        Err(error) if is_shortage(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The inode in the target of a descriptor such as `socket:[4711]`.
fn inode(target: &[u8]) -> Option<u64> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Reads the sockets from procfs. Used if the kernel does not report them by netlink.
pub(super) fn from_procfs(port: u16) -> io::Result<Vec<ClientSocket>> {
    let (v4, v6) = super::ports::tables()?;
    let is_client = |entry: &&TcpNetEntry| {
        entry.state == TcpState::Established && entry.remote_address.port() == port
    };
    Ok(v4
        .iter()
        .chain(&v6)
        .filter(is_client)
        .map(|entry| ClientSocket {
            local: entry.local_address,
            remote: entry.remote_address,
            inode: entry.inode,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::identity::own_pid;
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::process::{Child, Command};

    #[test]
    fn connection_is_kept_until_its_descriptor_is_closed_or_another_one() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut clients = Clients::default();
        assert!(clients.refresh(port).unwrap());
        assert!(!clients.keeps_connection(own_pid()), "not looked for yet");
        clients.search_last(&[own_pid()]).unwrap();
        assert!(clients.keeps_connection(own_pid()));
        assert!(!clients.keeps_connection(Pid::MAX));
        assert!(!clients.refresh(port).unwrap(), "no new connection");
        drop(client);
        assert!(!clients.keeps_connection(own_pid()));
    }

    #[test]
    fn connection_of_other_processes_is_looked_for_once() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut clients = Clients::default();
        assert!(clients.refresh(port).unwrap());
        clients.search_last(&[]).unwrap();
        assert!(!clients.refresh(port).unwrap());
        assert_eq!(clients.is_connected(own_pid()), Some(false));
    }

    #[test]
    fn connection_of_an_ended_process_is_found_in_a_process_that_inherited_it() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let spawn = || {
            let socket = OwnedFd::from(client.try_clone().unwrap());
            Command::new("sleep").arg("60").stdin(socket).spawn().unwrap()
        };
        let (mut first, mut heir) = (spawn(), spawn());
        drop(client);
        let pid = |process: &Child| Pid::try_from(process.id()).unwrap();
        let mut clients = Clients::default();
        assert!(clients.refresh(port).unwrap());
        clients.search_last(&[pid(&first), pid(&heir)]).unwrap();
        assert_eq!(clients.pids(), BTreeSet::from([pid(&first)]));
        assert!(!clients.refresh(port).unwrap(), "the process still has the socket");
        first.kill().unwrap();
        first.wait().unwrap();
        let has_new = clients.refresh(port).unwrap();
        clients.search_last(&[pid(&heir)]).unwrap();
        let found = clients.is_connected(pid(&heir));
        heir.kill().unwrap();
        heir.wait().unwrap();
        assert_eq!((has_new, found), (true, Some(true)));
    }

    #[test]
    fn process_of_a_connection_is_found_until_the_connection_is_closed() {
        for likely in [&[own_pid()][..], &[]] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let mut clients = Clients::default();
            let begun = Instant::now();
            clients.look(port, likely, begun).unwrap();
            assert_eq!(clients.is_connected(own_pid()), Some(false));
            let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            // A child process of another test has a copy of the socket until it runs its program.
            let mut now = begun;
            while clients.is_connected(own_pid()) != Some(true) {
                clients = Clients::default();
                now += SEARCH;
                clients.look(port, likely, now).unwrap();
            }
            assert_eq!(clients.pids(), BTreeSet::from([own_pid()]));
            drop(client);
            while clients.is_connected(own_pid()) == Some(true) {
                clients.look(port, likely, now).unwrap();
            }
        }
    }

    #[test]
    fn only_targets_of_sockets_have_an_inode() {
        let cases: [(&[u8], Option<u64>); 5] = [
            (b"socket:[4711]", Some(4711)),
            (b"pipe:[4711]", None),
            (b"socket:[x]", None),
            (b"socket:[]", None),
            (b"/tmp/socket:[1]", None),
        ];
        for (target, expected) in cases {
            assert_eq!(inode(target), expected);
        }
    }
}
