//! Finds the processes that listen on a port, in tables of the kernel. A port is never tested by
//! binding it.

use super::Pid;
use super::identity::own_pid;
use super::requirements::is_shortage;
use super::socket::ListeningSocket;
use super::{linux, memory, sock_diag};
use crate::harmless::quote;
use procfs::net::{TcpNetEntry, TcpState};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// A process that has a socket open, and the path of its descriptor in `/proc`. With this path, a
/// later check takes only one `readlink`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketHolder {
    /// The process id.
    pub pid: Pid,
    descriptor: PathBuf,
    socket: PathBuf,
}

impl SocketHolder {
    /// Whether the descriptor still refers to the socket.
    ///
    /// # Errors
    /// If this process or the system lacks a resource.
    pub fn still_holds(&self) -> io::Result<bool> {
        match std::fs::read_link(&self.descriptor) {
            Ok(target) => Ok(target == self.socket),
            Err(error) if is_shortage(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// A process that listens on a port, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The port.
    pub port: u16,
    /// The process id, if known. A process of another user or of a container may not be visible.
    pub pid: Option<Pid>,
    /// The command line, or an empty text if it is unknown.
    pub command: String,
    /// The user who created the socket. `None` if this is the user of this process.
    pub other_user: Option<User>,
}

impl Occupant {
    /// Describes an unknown process on this port.
    #[must_use]
    pub fn unknown(port: u16) -> Self {
        Self { port, pid: None, command: String::new(), other_user: None }
    }
}

/// A user, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The user name. `None` if this machine has no name for the id.
    pub name: Option<String>,
}

impl User {
    fn of(uid: u32) -> Self {
        let known = nix::unistd::User::from_uid(uid.into()).ok().flatten();
        Self { uid, name: known.map(|user| user.name) }
    }
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "user {} (uid {})", quote(name), self.uid),
            None => write!(f, "uid {}", self.uid),
        }
    }
}

impl std::fmt::Display for Occupant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, &self.other_user) {
            (Some(pid), None) => write!(f, "pid {pid} ({})", self.command),
            (Some(pid), Some(user)) => write!(f, "pid {pid} ({}) of {user}", self.command),
            (None, None) => f.write_str(
                "a process that cannot be seen from here (of another user or container)",
            ),
            (None, Some(user)) => write!(f, "a process of {user} that cannot be seen from here"),
        }
    }
}

/// All sockets that listen on this port and that a client of 127.0.0.1 reaches.
///
/// # Errors
/// If the kernel does not report the sockets, so that the port may be in use or free.
pub fn listeners(port: u16) -> io::Result<Vec<ListeningSocket>> {
    let mut found = match sock_diag::listeners(port) {
        Ok(found) => found,
        Err(error) if is_shortage(&error) => return Err(error),
        Err(_) => from_procfs(port)?,
    };
    found.retain(|listener| is_reached(listener.address.ip()));
    Ok(found)
}

/// Reads the sockets from procfs. Used if the kernel does not report them by netlink.
pub(super) fn from_procfs(port: u16) -> io::Result<Vec<ListeningSocket>> {
    let (v4, v6) = tables()?;
    Ok(v4
        .iter()
        .chain(&v6)
        .filter(|entry| entry.state == TcpState::Listen && entry.local_address.port() == port)
        .map(|entry| ListeningSocket {
            address: entry.local_address,
            inode: entry.inode,
            uid: entry.uid,
        })
        .collect())
}

/// Reads the tables of all TCP sockets, with IPv4 and with IPv6.
pub(super) fn tables() -> io::Result<(Vec<TcpNetEntry>, Vec<TcpNetEntry>)> {
    let read = |table: procfs::ProcResult<Vec<TcpNetEntry>>| match table {
        Ok(entries) => Ok(entries),
        // Without IPv6 the kernel has no table of IPv6 sockets.
        Err(procfs::ProcError::NotFound(_)) => Ok(Vec::new()),
        Err(procfs::ProcError::Io(error, _)) => Err(error),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    Ok((read(procfs::net::tcp())?, read(procfs::net::tcp6())?))
}

/// The id of another user who listens on this port. Root does not count: root can do everything
/// that we can do, and forwards the ports of containers.
///
/// # Errors
/// If the kernel's tables cannot be read.
pub fn other_user(port: u16) -> io::Result<Option<u32>> {
    let own = nix::unistd::geteuid().as_raw();
    let found = listeners(port)?;
    Ok(found.iter().map(|listener| listener.uid).find(|uid| ![own, 0].contains(uid)))
}

/// Whether a client that connects to 127.0.0.1 reaches a listener on this address. A listener on
/// `::1` is not reached and does not conflict. A listener on `0.0.0.0`, or on `::` for both
/// families, is reached.
fn is_reached(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.to_ipv4_mapped() == Some(Ipv4Addr::LOCALHOST),
    }
}

/// Returns the process among `pids` that has the socket with this inode open. Processes of other
/// users are not visible.
///
/// # Errors
/// If this process or the system lacks a resource.
pub fn holder_among(pids: &[Pid], inode: u64) -> io::Result<Option<SocketHolder>> {
    let socket = PathBuf::from(format!("socket:[{inode}]"));
    for pid in pids {
        let entries = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(entries) => entries,
            Err(error) if is_shortage(&error) => return Err(error),
            Err(_) => continue,
        };
        let descriptor = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| std::fs::read_link(path).is_ok_and(|target| target == socket));
        if let Some(descriptor) = descriptor {
            return Ok(Some(SocketHolder { pid: *pid, descriptor, socket }));
        }
    }
    Ok(None)
}

/// The process that listens on a port, or `None` if the port is free. The search reads all
/// processes, which takes tens of milliseconds on a busy machine.
///
/// # Errors
/// If it is unknown whether the port is in use.
pub fn occupant(port: u16) -> io::Result<Option<Occupant>> {
    let Some(listener) = listeners(port)?.into_iter().next() else { return Ok(None) };
    let own = nix::unistd::geteuid().as_raw();
    let other_user = (listener.uid != own).then(|| User::of(listener.uid));
    let mut everyone: Vec<Pid> = linux::processes()?.iter().map(|process| process.pid).collect();
    // This process comes last: if another process has the socket too, the other process is
    // returned. A child of this process may have a copy of a descriptor for a moment.
    everyone.sort_by_key(|pid| *pid == own_pid());
    let pid = holder_among(&everyone, listener.inode)?.map(|holder| holder.pid);
    let command = pid.map(memory::command_line).unwrap_or_default();
    Ok(Some(Occupant { port, pid, command, other_user }))
}

/// Returns a free port that the kernel is unlikely to give to another process. The port is in the
/// state TIME_WAIT, because this function closes the server side of a connection first. The kernel
/// does not choose such a port for another process, but a server may bind the port.
///
/// # Errors
/// If no port is available.
pub fn free_port() -> io::Result<u16> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let client = std::net::TcpStream::connect(address)?;
    let (server, _) = listener.accept()?;
    drop(server);
    drop(client);
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Waits until no process listens on the port. A process that another test has forked has a
    /// copy of each descriptor until it executes its program.
    fn until_closed(port: u16) {
        while !listeners(port).unwrap().is_empty() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn listener_is_found_with_its_process_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = listeners(port).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let holder = holder_among(&[own_pid()], found[0].inode).unwrap().unwrap();
        assert!(holder.still_holds().unwrap());
        // A child that another test spawns has the listener too, until it executes its program.
        let of_this_process = || loop {
            let occupant = occupant(port).unwrap().unwrap();
            if occupant.pid == Some(own_pid()) {
                return occupant;
            }
        };
        let occupant = of_this_process();
        assert!(!occupant.command.is_empty());
        assert_eq!(found[0].uid, nix::unistd::geteuid().as_raw());
        assert_eq!((occupant.other_user, other_user(port).unwrap()), (None, None));
        drop(listener);
        until_closed(port);
        assert!(!holder.still_holds().unwrap());
    }

    #[test]
    fn only_listeners_that_127_0_0_1_reaches_are_found() {
        for (address, reached) in
            [("127.0.0.1:0", true), ("0.0.0.0:0", true), ("[::1]:0", false), ("127.0.0.2:0", false)]
        {
            // Another process may listen on 127.0.0.1 with the same port, so several ports are tried.
            let mut tries =
                (0..20).map_while(|_| TcpListener::bind(address).ok()).map(|listener| {
                    let port = listener.local_addr().unwrap().port();
                    (!listeners(port).unwrap().is_empty(), listener)
                });
            let Some((first, _listener)) = tries.next() else { continue };
            assert!(first == reached || tries.any(|(found, _)| found == reached), "{address}");
        }
    }

    #[test]
    fn free_port_can_be_bound() {
        let port = free_port().unwrap();
        until_closed(port);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
