//! The project file, `stigmer.toml`: what a project wants of the server, and its workers. This module
//! finds the file, checks who may write to it, and parses it. It reports all mistakes at once, each
//! with its line. It also proposes a file for a folder (`stigmer local init`).
//!
//! The file names programs to run. So a file that another user could have written is not read.

mod command;
mod find;
mod init;
mod keys;
mod kind;
mod mistake;
mod schema;
mod section;
mod server;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod trust;
mod worker;

pub use find::{ProjectChoice, ProjectError, find, load};
pub use init::{Proposal, ProposedWorker, propose};
pub use mistake::{Mistake, Mistakes};
pub use schema::schema;
pub use server::ServerSpec;
pub use worker::WorkerSpec;

use crate::config::ProjectOptions;
use crate::harmless::quote;
use crate::spelling::nearest;
use mistake::Notes;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Name of the project file.
pub const FILE_NAME: &str = "stigmer.toml";

/// What a project wants. A value exists only for a file without mistakes.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Path of the file.
    pub file: PathBuf,
    /// What the project wants of the server.
    pub server: ServerSpec,
    /// The workers, in the order of the file.
    pub workers: Vec<WorkerSpec>,
}

impl Project {
    /// Parses a project file. `file` is its absolute path; `is_folder` returns whether there is a
    /// folder at a path, and `NotFound` if nothing is there.
    ///
    /// # Errors
    /// All mistakes of the file.
    pub fn parse(
        file: &Path,
        text: &str,
        is_folder: impl Fn(&Path) -> io::Result<bool>,
    ) -> Result<Self, Mistakes> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        let mut notes = Notes::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        let root = root.get_ref();
        report_unknown_tables(root, &mut notes);
        let mut server = ServerSpec::default();
        if let Some((begin, table)) = table(root, "temporal", "[temporal]", &mut notes) {
            server = ServerSpec::read(table, begin, folder, &mut notes);
        }
        let mut workers = Vec::new();
        if let Some((_, table)) = table(root, "worker", "[worker.NAME]", &mut notes) {
            workers = read_workers(table, folder, !errors.is_empty(), &is_folder, &mut notes);
        }
        syntax::report(&errors, &mut notes);
        let list = notes.into_list();
        let file = file.to_owned();
        if list.is_empty() {
            Ok(Self { file, server, workers })
        } else {
            Err(Mistakes { file, list })
        }
    }

    /// The options that the project sets, with their lines.
    #[must_use]
    pub fn options(&self) -> ProjectOptions {
        let ServerSpec { options, lines, .. } = self.server.clone();
        ProjectOptions { file: self.file.clone(), options, lines }
    }

    /// The project in the syntax of its file, with the values of all keys that have one.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let tables = std::iter::once(("[temporal]".to_owned(), self.server.to_map()))
            .chain(self.workers.iter().map(|it| (worker::header(&it.name), it.to_map())));
        let mut text = String::new();
        for (header, map) in tables {
            text.push_str(&format!("{header}\n"));
            for (key, value) in &map {
                text.push_str(&format!("{key} = {}\n", text::toml_value(value)));
            }
            text.push('\n');
        }
        text
    }
}

fn report_unknown_tables(root: &DeTable<'_>, notes: &mut Notes<'_>) {
    for (name, value) in root.iter() {
        let typed = &**name.get_ref();
        let is_in = |keys: &[section::KeySpec]| keys.iter().any(|key| key.name == typed);
        let advice = match typed {
            "temporal" | "worker" => continue,
            "server" => "did you mean [temporal]?".to_owned(),
            _ if !value.get_ref().is_table() && is_in(&keys::worker()) => {
                format!("write `{typed}` below [worker.NAME]")
            }
            _ if !value.get_ref().is_table() && is_in(&keys::temporal()) => {
                format!("write `{typed}` below [temporal]")
            }
            _ => match nearest(typed, ["temporal", "worker"]) {
                Some("temporal") => "did you mean [temporal]?".to_owned(),
                Some(_) => "did you mean [worker.NAME]?".to_owned(),
                None => "the tables are [temporal] and [worker.NAME]".to_owned(),
            },
        };
        let what = if value.get_ref().is_table() { "table" } else { "key" };
        notes.add(name.span(), format!("unknown {what} `{}`; {advice}", quote(typed)));
    }
}

/// A table at the top of the file, and its place.
fn table<'a, 'i>(
    root: &'a DeTable<'i>,
    name: &str,
    header: &str,
    notes: &mut Notes<'_>,
) -> Option<(Range<usize>, &'a DeTable<'i>)> {
    let (key, value) = root.get_key_value(name)?;
    match value.get_ref() {
        DeValue::Table(table) => Some((key.span(), table)),
        DeValue::Array(_) => {
            notes.add(key.span(), format!("`{name}` is not a list; write {header}"));
            None
        }
        _ => {
            notes.add(key.span(), format!("`{name}` must be a table; write {header}"));
            None
        }
    }
}

fn read_workers(
    table: &DeTable<'_>,
    folder: &Path,
    is_broken: bool,
    is_folder: &dyn Fn(&Path) -> io::Result<bool>,
    notes: &mut Notes<'_>,
) -> Vec<WorkerSpec> {
    let keys = keys::worker();
    let mut names: Vec<&str> = Vec::new();
    let mut workers = Vec::new();
    for (key, value) in kind::in_order(table) {
        let name = &**key.get_ref();
        let shown = quote(name);
        let DeValue::Table(worker) = value.get_ref() else {
            let is_key = keys.iter().any(|key| key.name == name);
            let what = match value.get_ref() {
                _ if is_key => format!("`{name}` needs the name of a worker; write [worker.NAME]"),
                DeValue::Array(_) => format!("`{shown}` is not a list; write [worker.{shown}]"),
                _ => format!("`{shown}` must be a table; write [worker.{shown}]"),
            };
            notes.add(key.span(), what);
            continue;
        };
        if let Err(why) = worker::check_name(name) {
            notes.add(key.span(), why);
        }
        if let Some(other) = names.iter().find(|it| it.eq_ignore_ascii_case(name)) {
            notes.add(key.span(), format!(
                "the names `{shown}` and `{other}` of two workers differ only in case; choose another name"
            ));
        }
        names.push(name);
        if let Some(dir) = worker.get("dir") {
            check_folder(dir, folder, is_folder, notes);
        }
        // The rest of a broken file may have the key, and so may another name.
        let has_run = worker.keys().any(|key| section::meant(key.get_ref(), &keys) == Some("run"));
        if !has_run && !is_broken {
            notes.add(key.span(), format!(
                "worker `{shown}` has no `run`; write the command that starts it, such as run = \
                 \"python worker.py\""
            ));
        }
        workers.extend(WorkerSpec::read(name, worker, key.span(), folder, notes));
    }
    workers
}

/// Reports a folder that is not there. Other mistakes in the value are reported elsewhere.
fn check_folder(
    dir: &Spanned<DeValue<'_>>,
    folder: &Path,
    is_folder: &dyn Fn(&Path) -> io::Result<bool>,
    notes: &mut Notes<'_>,
) {
    let Some(text) = dir.get_ref().as_str().filter(|it| !it.trim().is_empty()) else { return };
    if text.contains('\0') {
        return;
    }
    let path = within(folder, Path::new(text));
    let shown = quote(&path.to_string_lossy());
    let what = match is_folder(&path) {
        Ok(true) => return,
        Ok(false) => format!("`dir`: {shown} is not a folder; write a folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("`dir`: there is no folder {shown}; create the folder, or correct the path")
        }
        Err(error) => format!("`dir`: cannot look at {shown}: {error}"),
    };
    notes.add(dir.span(), what);
}

/// A path of the file, relative to its folder, without `.` parts.
fn within(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().collect()
}
