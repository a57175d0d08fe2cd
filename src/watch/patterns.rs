//! Which paths count: the patterns of a project file, as pure functions.

use super::excluded::ALWAYS_EXCLUDED;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::{Path, PathBuf};

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a pattern: {why}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong.
    pub why: String,
}

/// Patterns of files within a folder. They have the syntax of `.gitignore`: `src` is the file or the
/// whole folder, `*.py` matches in each folder, and `src/**/*.py` only below `src`.
#[derive(Debug, Clone)]
pub struct Patterns {
    root: PathBuf,
    matcher: Gitignore,
    /// The parts of the patterns before the first special character. Files that match are in or
    /// below these.
    bases: Vec<PathBuf>,
    /// Whether files that `.gitignore` excludes count too.
    counts_excluded: bool,
}

impl Patterns {
    /// Parses patterns. `root` is the absolute path of the folder to which they are relative.
    ///
    /// # Errors
    /// If a pattern is not valid.
    pub fn new(root: &Path, patterns: &[String]) -> Result<Self, PatternError> {
        let mut builder = GitignoreBuilder::new(root);
        let mut bases = Vec::new();
        for pattern in patterns {
            let failed = |why: String| PatternError { pattern: pattern.clone(), why };
            let plain = pattern.strip_prefix("./").unwrap_or(pattern);
            if plain.split('/').any(|part| part == "..") {
                return Err(failed("it leaves the folder of the project file".to_owned()));
            }
            if !closes(plain, '[', ']') || !closes(plain, '{', '}') {
                return Err(failed("a bracket has no partner; add the bracket".to_owned()));
            }
            // These characters are special only at the beginning of a line of `.gitignore`.
            let escape = if plain.starts_with(['#', '!']) { "\\" } else { "" };
            builder
                .add_line(None, &format!("{escape}{plain}"))
                .map_err(|error| failed(reason(&error)))?;
            bases.push(root.join(base(plain)));
        }
        let matcher = builder
            .build()
            .map_err(|error| PatternError { pattern: patterns.join(", "), why: reason(&error) })?;
        Ok(Self { root: root.to_owned(), matcher, bases, counts_excluded: false })
    }

    /// The pattern of exactly one file, whose path is absolute. It counts even if `.gitignore` excludes
    /// it.
    #[must_use]
    pub fn of_file(file: &Path) -> Self {
        let root = file.parent().unwrap_or(Path::new("/"));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let escape =
            |c: char| if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() };
        let pattern: String = name.chars().map(escape).collect();
        let mut builder = GitignoreBuilder::new(root);
        // An escaped name is always valid. Without a pattern, nothing would match.
        let _ = builder.add_line(None, &format!("/{pattern}"));
        let matcher = builder.build().unwrap_or_else(|_| Gitignore::empty());
        Self { root: root.to_owned(), matcher, bases: vec![file.to_owned()], counts_excluded: true }
    }

    /// Whether files that `.gitignore` excludes count too.
    pub(super) fn counts_excluded(&self) -> bool {
        self.counts_excluded
    }

    /// The folder to which the patterns are relative.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a pattern matches this path of a file. Temporary files of editors never match.
    #[must_use]
    pub fn matches(&self, file: &Path) -> bool {
        let is_temporary =
            file.file_name().is_none_or(|name| name.to_str().is_some_and(is_temporary));
        !is_temporary
            && file.starts_with(&self.root)
            && self.matcher.matched_path_or_any_parents(file, false).is_ignore()
    }

    /// Whether a file that matches may be in this folder or below it.
    #[must_use]
    pub fn reaches(&self, folder: &Path) -> bool {
        self.is_within(folder) || self.bases.iter().any(|base| base.starts_with(folder))
    }

    /// Whether this folder is a base of a pattern or below one.
    pub(super) fn is_within(&self, folder: &Path) -> bool {
        let is_named = |part: &std::ffi::OsStr| {
            part.to_str().is_some_and(|part| ALWAYS_EXCLUDED.contains(&part))
        };
        // A pattern that names such a folder includes it.
        self.bases
            .iter()
            .any(|base| folder.strip_prefix(base).is_ok_and(|rest| !rest.iter().any(is_named)))
    }
}

fn closes(pattern: &str, open: char, close: char) -> bool {
    let mut depth = 0_i64;
    let is_closed = pattern.chars().all(|c| {
        depth += i64::from(c == open) - i64::from(c == close);
        depth >= 0
    });
    is_closed && depth == 0
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

/// The folder or file of a pattern before its first special character. The root for a pattern that
/// matches at any depth.
fn base(pattern: &str) -> PathBuf {
    let is_special = |part: &str| part.contains(['*', '?', '[', '{', '\\']);
    let anchored = pattern.trim_start_matches('/');
    if !pattern.starts_with('/') && !pattern.trim_end_matches('/').contains('/') {
        return PathBuf::new();
    }
    anchored.split('/').take_while(|part| !is_special(part)).filter(|part| *part != ".").collect()
}

/// Whether this is a name that an editor uses for a temporary file.
pub(super) fn is_temporary(name: &str) -> bool {
    // vim tests with the first name whether it may write to the folder.
    name == "4913"
        || name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.contains("___jb_")
        || name.starts_with(".goutputstream-")
        || Path::new(name).extension().and_then(|it| it.to_str()).is_some_and(|ending| {
            let is_swap = ending.len() == 3 && ending.starts_with("sw") && name.starts_with('.');
            is_swap || matches!(ending, "swp" | "swx" | "tmp" | "kate-swp" | "crdownload")
        })
}
