//! `stigmer local init`: writes a project file that fits the current folder.

use super::CliError;
use super::output::{self, note};
use crate::harmless::{lines, quote};
use crate::paths::shortened;
use crate::process::look;
use crate::project::{self, FILE_NAME, ProjectError, Proposal, ProposedWorker};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(super) fn run(print: bool) -> Result<i32, CliError> {
    let folder = std::env::current_dir().map_err(|error| {
        CliError::Other(format!(
            "cannot find the current folder: {error}; change to another folder"
        ))
    })?;
    if print {
        output::raw(propose(&folder)?.to_toml().as_bytes());
        return Ok(0);
    }
    let proposal = create(&folder)?;
    output::raw(lines(&report(&proposal)).as_bytes());
    // The file has no mistakes, but stigmer may refuse it, for example in a folder of another user.
    if let Err(error) = project::load(&folder.join(FILE_NAME)) {
        note(&format!("warning: {error}"));
    }
    Ok(0)
}

fn propose(folder: &Path) -> Result<Proposal, ProjectError> {
    let unreadable = |source| ProjectError::Folder { folder: folder.to_owned(), source };
    look::bounded(folder, project::propose).map_err(unreadable)
}

/// Writes the project file of a folder, and returns what was written.
fn create(folder: &Path) -> Result<Proposal, CliError> {
    let proposal = propose(folder)?;
    let (file, text) = (folder.join(FILE_NAME), proposal.to_toml());
    match look::bounded(&file, move |file| write_new(file, &text)) {
        Ok(()) => Ok(proposal),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(present(&file)),
        Err(error) => Err(CliError::Other(format!(
            "cannot write {}: {error}; `stigmer local init --print` prints the text",
            shortened(&file)
        ))),
    }
}

/// The error if there is a file already, with its mistakes.
fn present(file: &Path) -> CliError {
    let state = match project::load(file) {
        Ok(project) => format!("it has no mistakes and {}", count(project.workers.len())),
        Err(ProjectError::Mistakes(mistakes)) => format!("it has mistakes:\n{mistakes}"),
        Err(error) => error.to_string(),
    };
    CliError::Other(format!(
        "{} exists already and is unchanged; `stigmer local init --print` prints a new one; {state}",
        shortened(file)
    ))
}

/// What was written, and what to do next.
fn report(proposal: &Proposal) -> String {
    let mut text = format!("wrote {FILE_NAME} with {}\n", count(proposal.workers.len()));
    for ProposedWorker { name, origin, run, dir, is_certain, .. } in &proposal.workers {
        let dir = dir.as_ref().map(|dir| format!(" in {}", quote(dir))).unwrap_or_default();
        let doubt = if *is_certain { "" } else { "; no code of a worker found, check the command" };
        let (run, origin) = (quote(&run.join(" ")), quote(origin));
        text.push_str(&format!("  {name}: {run}{dir} ({origin}{doubt})\n"));
    }
    text.push_str(if proposal.workers.is_empty() {
        "next: write the command that starts your worker into the file, as its comments show; then \
         `stigmer local` starts the server and the worker\n"
    } else {
        "next: check the commands and the task queues in the file, and commit it; `stigmer local` \
         starts the server and the workers\n"
    });
    text
}

fn count(workers: usize) -> String {
    match workers {
        0 => "no worker".to_owned(),
        1 => "1 worker".to_owned(),
        workers => format!("{workers} workers"),
    }
}

/// Writes a file if nothing is at its path. Removes the file if the text cannot be written.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    // Not writable for the group, or stigmer would refuse the file.
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o644).open(file)?;
    created.write_all(text.as_bytes()).inspect_err(|_| {
        let _ = std::fs::remove_file(file);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn file_is_written_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("uv.lock"), "temporalio").unwrap();
        let code = "from temporalio.worker import Worker\nWorker(c, task_queue=\"orders\")\n";
        std::fs::write(folder.path().join("worker.py"), code).unwrap();
        let shown = report(&create(folder.path()).unwrap());
        for part in [
            "wrote stigmer.toml with 1 worker\n",
            "orders: uv run python worker.py",
            "`stigmer local` starts",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let file = folder.path().join(FILE_NAME);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, propose(folder.path()).unwrap().to_toml());
        assert_eq!(file.metadata().unwrap().mode() & 0o022, 0, "no one else may write to it");
        assert_eq!(project::load(&file).unwrap().workers.len(), 1);
        std::fs::write(&file, "mine = 1\n").unwrap();
        let error = create(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        let error = error.to_string();
        assert!(error.contains("is unchanged") && error.contains("unknown key `mine`"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine = 1\n");
    }

    #[test]
    fn link_that_leads_nowhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        symlink("elsewhere", folder.path().join(FILE_NAME)).unwrap();
        create(folder.path()).unwrap_err();
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn folder_that_cannot_be_written_is_an_error_with_a_way_out() {
        let gone = tempfile::tempdir().unwrap().path().join("gone");
        assert!(create(&gone).unwrap_err().to_string().contains("cannot look"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
        // Root may write to each folder.
        if let Err(error) = create(folder.path()) {
            assert!(error.to_string().contains("init --print"), "{error}");
        }
    }
}
