//! Who listens, read from the kernel and never tested by binding.

use super::Pid;
use super::identity::own_pid;
use super::requirements::is_shortage;
use super::socket::ListeningSocket;
use super::{linux, memory, sock_diag};
use crate::harmless::quote;
use procfs::net::TcpState;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// A process that has a socket open, and the descriptor, so that asking again
/// costs one `readlink`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: Pid,
    descriptor: PathBuf,
    socket: PathBuf,
}

impl Holder {
    /// Whether that descriptor still is that socket.
    ///
    /// # Errors
    /// When this process or the system is short of something.
    pub fn still_holds(&self) -> io::Result<bool> {
        match std::fs::read_link(&self.descriptor) {
            Ok(target) => Ok(target == self.socket),
            Err(error) if is_shortage(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// A process on a port, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The port.
    pub port: u16,
    /// Its number, where it may be seen: another user's, or one in another
    /// container, may not.
    pub pid: Option<Pid>,
    /// Its command line, or empty.
    pub command: String,
    /// The user who made its socket, where it is not the one that we are.
    pub other_user: Option<User>,
}

impl Occupant {
    /// Whoever it is.
    #[must_use]
    pub fn unknown(port: u16) -> Self {
        Self { port, pid: None, command: String::new(), other_user: None }
    }
}

/// A user, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The user's name, where the machine knows one.
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
                "a process that cannot be seen from here (another user's, or a container's)",
            ),
            (None, Some(user)) => write!(f, "a process of {user} that cannot be seen from here"),
        }
    }
}

/// All sockets that listen on this port where 127.0.0.1 reaches them.
///
/// # Errors
/// When the kernel does not tell: then the port may be taken or free.
pub fn listeners(port: u16) -> io::Result<Vec<ListeningSocket>> {
    let mut found = match sock_diag::listeners(port) {
        Ok(found) => found,
        Err(error) if is_shortage(&error) => return Err(error),
        Err(_) => from_procfs(port)?,
    };
    found.retain(|listener| is_reached(listener.address.ip()));
    Ok(found)
}

/// Where the kernel does not offer the short way.
pub(super) fn from_procfs(port: u16) -> io::Result<Vec<ListeningSocket>> {
    let read = |table: procfs::ProcResult<Vec<procfs::net::TcpNetEntry>>| match table {
        Ok(entries) => Ok(entries),
        // Without IPv6 there is no table of it.
        Err(procfs::ProcError::NotFound(_)) => Ok(Vec::new()),
        Err(procfs::ProcError::Io(error, _)) => Err(error),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    let (v4, v6) = (read(procfs::net::tcp())?, read(procfs::net::tcp6())?);
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

/// A user other than us who listens on this port. Root is nobody else: it can do
/// whatever we can, and forwards the ports of containers.
///
/// # Errors
/// When the kernel's tables cannot be read.
pub fn other_user(port: u16) -> io::Result<Option<u32>> {
    let own = nix::unistd::geteuid().as_raw();
    let found = listeners(port)?;
    Ok(found.iter().map(|listener| listener.uid).find(|uid| ![own, 0].contains(uid)))
}

/// A listener on `::1` does not conflict with one on 127.0.0.1 and is not
/// reached through it; one on `0.0.0.0`, or on `::` for both families, is.
fn is_reached(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip == Ipv4Addr::LOCALHOST || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.to_ipv4_mapped() == Some(Ipv4Addr::LOCALHOST),
    }
}

/// Which of these processes has the socket open. A process of another user does not tell.
///
/// # Errors
/// When this process or the system is short of something.
pub fn holder_among(pids: &[Pid], inode: u64) -> io::Result<Option<Holder>> {
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
            return Ok(Some(Holder { pid: *pid, descriptor, socket }));
        }
    }
    Ok(None)
}

/// Who is on a port, found by asking every process; tens of milliseconds on a
/// busy machine. `None` if nobody listens there.
///
/// # Errors
/// When it cannot be told whether anybody does.
pub fn occupant(port: u16) -> io::Result<Option<Occupant>> {
    let Some(listener) = listeners(port)?.into_iter().next() else { return Ok(None) };
    let own = nix::unistd::geteuid().as_raw();
    let other_user = (listener.uid != own).then(|| User::of(listener.uid));
    let mut everyone: Vec<Pid> = linux::processes()?.iter().map(|process| process.pid).collect();
    // Last, because a child of ours may have a copy for a moment.
    everyone.sort_by_key(|pid| *pid == own_pid());
    let pid = holder_among(&everyone, listener.inode)?.map(|holder| holder.pid);
    let command = pid.map(memory::command_line).unwrap_or_default();
    Ok(Some(Occupant { port, pid, command, other_user }))
}

/// A port that is free now and stays unlikely to be given out: connected to and
/// closed from the server's side first, it rests in TIME_WAIT, which the kernel
/// does not choose and a server may still bind.
///
/// # Errors
/// When no port can be had.
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

    #[test]
    fn a_listener_is_found_with_its_process_and_is_gone_when_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = listeners(port).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let holder = holder_among(&[own_pid()], found[0].inode).unwrap().unwrap();
        assert!(holder.still_holds().unwrap());
        let occupant = occupant(port).unwrap().unwrap();
        assert_eq!(occupant.pid, Some(own_pid()));
        assert!(!occupant.command.is_empty());
        assert_eq!(found[0].uid, nix::unistd::geteuid().as_raw());
        assert_eq!((occupant.other_user, other_user(port).unwrap()), (None, None));
        drop(listener);
        assert!(listeners(port).unwrap().is_empty());
        assert!(!holder.still_holds().unwrap());
    }

    #[test]
    fn only_what_127_0_0_1_reaches_is_on_the_port() {
        for (address, reached) in
            [("127.0.0.1:0", true), ("0.0.0.0:0", true), ("[::1]:0", false), ("127.0.0.2:0", false)]
        {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            assert_eq!(!listeners(port).unwrap().is_empty(), reached, "{address}");
        }
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!(listeners(port).unwrap().is_empty());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
