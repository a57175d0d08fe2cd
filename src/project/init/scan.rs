//! The files of a folder that may belong to a worker.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Maximum number of files of source code that are read, nearest to the root first.
const SOURCES_MAX: usize = 400;
/// Maximum number of folders that are listed.
const FOLDERS_MAX: usize = 400;
/// Maximum depth below the root. Java uses a folder for each part of a package name.
const DEPTH_MAX: usize = 12;
/// How much of a file is read, in bytes.
const READ_MAX: u64 = 128 << 10;

/// Folders of dependencies and build results.
const SKIPPED: &[&str] = &[
    "__pycache__",
    "bin",
    "build",
    "dist",
    "lib",
    "node_modules",
    "obj",
    "out",
    "site-packages",
    "target",
    "tests",
    "test",
    "vendor",
    "venv",
];

/// Endings of files of source code.
const ENDINGS: &[&str] = &["cs", "go", "java", "js", "kt", "mjs", "py", "rb", "rs", "ts"];

/// A file of source code.
pub(super) struct SourceFile {
    /// Path relative to the folder, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn ending(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, ending)| ending)
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The folder of the file, relative to the root. Empty for a file in the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// A folder, with the names in it.
pub(super) struct ProjectFolder {
    root: PathBuf,
    files: Vec<String>,
    folders: Vec<String>,
    sources: OnceCell<Vec<SourceFile>>,
}

impl ProjectFolder {
    /// Lists a folder.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let (files, folders) = list(root)?;
        Ok(Self { root: root.to_owned(), files, folders, sources: OnceCell::new() })
    }

    /// The names of the folders that may contain a project, sorted.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(String::as_str)
    }

    /// Whether the root has a file with this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name)
    }

    /// The first of these names that the root has a file of.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// The files in the root.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The begin of a file in the root. Empty if the file cannot be read.
    pub(super) fn text(&self, name: &str) -> String {
        if self.has(name) { read(&self.root.join(name)).unwrap_or_default() } else { String::new() }
    }

    /// Whether there is a program of this project at this path.
    pub(super) fn has_program(&self, path: &str) -> bool {
        self.root.join(path).metadata().is_ok_and(|meta| meta.is_file())
    }

    /// The source code, nearest to the root first.
    pub(super) fn sources(&self) -> &[SourceFile] {
        self.sources.get_or_init(|| sources(&self.root))
    }
}

/// The names of files and folders. Skips hidden names, folders without source code of the project, and
/// names that are not UTF-8.
fn list(folder: &Path) -> io::Result<(Vec<String>, Vec<String>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_visible = !name.starts_with('.') && !name.contains(char::is_control);
        // A symbolic link is followed only to a file, so there is no circle.
        match entry.file_type() {
            Ok(type_) if type_.is_dir() => {
                if is_visible && !SKIPPED.contains(&name.as_str()) {
                    folders.push(name);
                }
            }
            Ok(_) if is_visible => files.push(name),
            Ok(_) | Err(_) => {}
        }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}

fn sources(root: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut level = vec![String::new()];
    let mut listed = 0;
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for folder in &level {
            listed += 1;
            if listed > FOLDERS_MAX || found.len() >= SOURCES_MAX {
                return found;
            }
            let Ok((files, folders)) = list(&root.join(folder)) else { continue };
            let within = |name: &String| match folder.as_str() {
                "" => name.clone(),
                folder => format!("{folder}/{name}"),
            };
            for path in files.iter().map(within) {
                let mut source = SourceFile { path, text: String::new() };
                if ENDINGS.contains(&source.ending()) && found.len() < SOURCES_MAX {
                    source.text = read(&root.join(&source.path)).unwrap_or_default();
                    found.push(source);
                }
            }
            next.extend(folders.iter().map(within));
        }
        level = next;
    }
    found
}

fn read(path: &Path) -> io::Result<String> {
    // A FIFO would block.
    if !path.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(READ_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
