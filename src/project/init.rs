//! Proposes a project file for a folder: looks for the workers of the project, and writes a file with
//! comments.

mod languages;
mod scan;
#[cfg(test)]
mod tests;

use super::text::{toml_text, toml_value};
use super::worker::{header, valid_name};
use languages::{FoundWorker, LANGUAGES};
use scan::ProjectFolder;
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Maximum number of workers that a proposal has.
const WORKERS_MAX: usize = 6;

/// A proposed project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The workers that the folder seems to have.
    pub workers: Vec<ProposedWorker>,
}

/// A worker of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedWorker {
    /// Name, unique within the proposal.
    pub name: String,
    /// What the proposal is based on, such as `Python, worker.py`.
    pub origin: String,
    /// The folder in which the worker runs, relative to the file. `None`: the folder of the file.
    pub dir: Option<String>,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Whether code of a worker was found. If not, the command is only an example.
    pub is_certain: bool,
    before: Option<Vec<String>>,
    task_queue: Option<String>,
    watch: Vec<String>,
}

/// Examines a folder, and proposes a project file for it. If there is no project in the folder itself,
/// its folders are examined.
///
/// # Errors
/// If the folder cannot be read. Folders below it that cannot be read are skipped.
pub fn propose(folder: &Path) -> io::Result<Proposal> {
    let root = ProjectFolder::read(folder)?;
    let mut found: Vec<(Option<String>, FoundWorker)> =
        in_folder(&root).into_iter().map(|it| (None, it)).collect();
    if found.is_empty() {
        for name in root.folders() {
            let Ok(below) = ProjectFolder::read(&folder.join(name)) else { continue };
            found.extend(in_folder(&below).into_iter().map(|it| (Some(name.to_owned()), it)));
        }
        keep_certain(&mut found, |(_, it)| it.is_certain);
    }
    let mut workers: Vec<ProposedWorker> = Vec::new();
    let own_name = folder.file_name().map(|it| it.to_string_lossy().into_owned());
    for (dir, found) in found.into_iter().take(WORKERS_MAX) {
        let names = [found.task_queue.as_deref(), dir.as_deref(), own_name.as_deref()];
        let name = names.into_iter().flatten().find_map(valid_name);
        let name = unique(&name.unwrap_or_else(|| "worker".to_owned()), &workers);
        workers.push(ProposedWorker::new(name, dir, found));
    }
    Ok(Proposal { workers })
}

fn in_folder(folder: &ProjectFolder) -> Vec<FoundWorker> {
    let mut found: Vec<FoundWorker> =
        LANGUAGES.iter().flat_map(|language| language(folder)).collect();
    keep_certain(&mut found, |it| it.is_certain);
    found
}

/// Removes guesses. If there are only guesses, keeps the first one.
fn keep_certain<T>(found: &mut Vec<T>, is_certain: impl Fn(&T) -> bool) {
    if found.iter().any(&is_certain) {
        found.retain(is_certain);
    } else {
        found.truncate(1);
    }
}

fn unique(name: &str, workers: &[ProposedWorker]) -> String {
    let is_free = |name: &str| workers.iter().all(|it| !it.name.eq_ignore_ascii_case(name));
    let short: String = name.chars().take(super::worker::NAME_MAX - 3).collect();
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{short}-{n}")));
    names.find(|name| is_free(name)).unwrap_or_default()
}

impl ProposedWorker {
    fn new(name: String, dir: Option<String>, found: FoundWorker) -> Self {
        let within = |path: String| match &dir {
            Some(dir) => format!("{dir}/{path}"),
            None => path,
        };
        // The name of a folder may have characters with a meaning in a pattern.
        let special = |c: char| "*?[]{}!\\".contains(c);
        let is_plain = dir.as_ref().is_none_or(|dir| !dir.contains(special));
        let file = found.file.map(|file| format!(", {}", within(file))).unwrap_or_default();
        Self {
            name,
            origin: format!("{}{file}", found.language),
            run: found.run,
            is_certain: found.is_certain,
            before: found.before,
            task_queue: found.task_queue,
            watch: found.watch.into_iter().map(within).filter(|_| is_plain).collect(),
            dir,
        }
    }

    fn to_toml(&self) -> String {
        let mut text = format!("# {}\n{}\n", comment(&self.origin), header(&self.name));
        if !self.is_certain {
            text.push_str("# No code of a worker was found. Check this command.\n");
        }
        let mut row = |key: &str, value: Option<Value>, example: &str, comment: &str| {
            let (mark, value) = match value {
                Some(value) => ("", toml_value(&value)),
                None => ("# ", example.to_owned()),
            };
            let entry = format!("{mark}{key} = {value}");
            text.push_str(&format!("{entry:<48} # {comment}\n"));
        };
        row("run", Some(command(&self.run)), "", "runs without a shell");
        if let Some(dir) = &self.dir {
            row("dir", Some(json!(dir)), "", "the folder in which the worker runs");
        }
        if let Some(before) = &self.before {
            row("before", Some(command(before)), "", "runs before each start of the worker");
        }
        row(
            "task-queues",
            self.task_queue.as_ref().map(|queue| json!([queue])),
            "[\"orders\"]",
            "the worker is ready when it polls these task queues",
        );
        row(
            "watch",
            (!self.watch.is_empty()).then(|| json!(self.watch)),
            "[\"src/**\"]",
            "a change of these files restarts the worker",
        );
        row(
            "env",
            None,
            "{ LOG_LEVEL = \"debug\" }",
            "TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE are set, too",
        );
        row(
            "env-file",
            None,
            "\".env\"",
            "more environment variables, one NAME=VALUE in each line",
        );
        text
    }
}

impl Proposal {
    /// The text of the file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = "\
# The Temporal server and the workers of this project, for `stigmer local`.
# stigmer uses this file in this folder and in the folders below it. Commit the file.

[temporal]
# namespace = [\"default\", \"orders\"]              # namespaces that the server has; the first is the default
# retention = \"30d\"                              # how long the server keeps closed workflows
# search-attributes = { CustomerId = \"Keyword\" }
"
        .to_owned();
        for worker in &self.workers {
            text.push('\n');
            text.push_str(&worker.to_toml());
        }
        if self.workers.is_empty() {
            text.push_str(
                "
# A worker: the command that starts it, and the task queues that it polls.
# [worker.orders]
# run = \"python worker.py\"
# task-queues = [\"orders\"]
",
            );
        }
        text
    }
}

/// A command as a value: one line if no argument needs quotes.
fn command(arguments: &[String]) -> Value {
    let line = arguments.join(" ");
    match super::command::split(&line) {
        Ok(same) if same == arguments => json!(line),
        Ok(_) | Err(_) => json!(arguments),
    }
}

/// Makes a text fit into a comment: one line, without control characters.
fn comment(text: &str) -> String {
    let quoted = toml_text(text);
    quoted[1..quoted.len() - 1].to_owned()
}
