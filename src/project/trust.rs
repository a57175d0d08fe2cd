//! Who could have written a project file: the checks of owner and mode. The file names programs to run.

use nix::unistd::{Gid, Group, Uid, User};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Why a file or folder is refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) hint: &'static str,
}

/// Checks a project file, by the metadata of its open descriptor.
pub(super) fn check_file(meta: &Metadata) -> Result<(), Refusal> {
    if meta.is_dir() {
        let why = "it is a folder".to_owned();
        return Err(Refusal { why, hint: "use the path of the file in it" });
    }
    if !meta.is_file() {
        let why = "it is not a regular file".to_owned();
        return Err(Refusal { why, hint: "replace it by a file" });
    }
    check_owner(meta, "it")?;
    match writers(meta) {
        Some(who) => Err(Refusal {
            why: format!("{who} may write to it (mode {:o})", meta.mode() & 0o7777),
            hint: "check its content, then run `chmod go-w` on it",
        }),
        None => Ok(()),
    }
}

/// Checks the folder of a project file: who may write to a folder may replace its files, except in a
/// folder with the sticky bit.
pub(super) fn check_folder(meta: &Metadata) -> Result<(), Refusal> {
    check_owner(meta, "its folder")?;
    match writers(meta) {
        Some(who) if meta.mode() & libc::S_ISVTX == 0 => Err(Refusal {
            why: format!("{who} may replace it (mode {:o} of its folder)", meta.mode() & 0o7777),
            hint: "check its content, then run `chmod go-w` on the folder",
        }),
        Some(_) | None => Ok(()),
    }
}

fn check_owner(meta: &Metadata, what: &str) -> Result<(), Refusal> {
    let me = Uid::effective();
    if meta.uid() == me.as_raw() || meta.uid() == 0 {
        return Ok(());
    }
    let owner = User::from_uid(meta.uid().into()).ok().flatten();
    let owner = owner.map_or_else(|| format!("user {}", meta.uid()), |user| user.name);
    Err(Refusal {
        why: format!("{what} belongs to {owner}, not to you"),
        hint: "run the command as that user, or use a copy of the project",
    })
}

/// The other users who may write to this file or folder. `None` if only its owner may.
fn writers(meta: &Metadata) -> Option<&'static str> {
    let mode = meta.mode();
    if mode & 0o002 != 0 {
        Some("every user")
    } else if mode & 0o020 != 0 && !is_private(meta.gid()) {
        Some("its group")
    } else {
        None
    }
}

/// Whether a group has only this user. Many systems give each user such a group, of the same name, and
/// a umask that lets the group write.
fn is_private(group: u32) -> bool {
    let (Ok(Some(user)), Ok(Some(group))) =
        (User::from_uid(Uid::effective()), Group::from_gid(Gid::from_raw(group)))
    else {
        return false;
    };
    group.gid == user.gid && group.name == user.name && group.mem.iter().all(|it| *it == user.name)
}
