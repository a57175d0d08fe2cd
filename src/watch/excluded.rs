//! Which files `.gitignore` excludes.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders that are never searched, because programs write them.
pub(super) const ALWAYS_EXCLUDED: [&str; 6] =
    [".git", ".hg", ".jj", ".svn", "node_modules", "__pycache__"];

/// Name of the files that exclude others.
pub(super) const GITIGNORE: &str = ".gitignore";

/// Name of the file that marks a virtual environment of Python. `pip` writes thousands of files there,
/// and older versions of Python write no `.gitignore`.
pub(super) const PYVENV: &str = "pyvenv.cfg";

/// The `.gitignore` files of the folders between the root of the repository and the watched folders.
#[derive(Debug, Default)]
pub(super) struct Excluded {
    /// The global file of the user. `None` outside of a repository.
    general: Vec<Gitignore>,
    folders: BTreeMap<PathBuf, Gitignore>,
}

impl Excluded {
    /// Reads the files of the folders above `root`, up to the root of the repository.
    pub(super) fn above(root: &Path) -> Self {
        let mut excluded = Self::default();
        let Some(repository) = root.ancestors().find(|folder| folder.join(".git").exists()) else {
            return excluded;
        };
        let mut own = GitignoreBuilder::new(repository);
        // An unreadable or missing file excludes nothing.
        own.add(repository.join(".git/info/exclude"));
        excluded.general.extend(own.build().ok());
        excluded.general.push(GitignoreBuilder::new(repository).build_global().0);
        for folder in root.ancestors().skip(1).take_while(|it| it.starts_with(repository)) {
            excluded.read(folder);
        }
        excluded
    }

    /// Reads the file of a folder, if there is one.
    pub(super) fn read(&mut self, folder: &Path) {
        let file = folder.join(GITIGNORE);
        if !file.is_file() {
            self.folders.remove(folder);
            return;
        }
        let mut builder = GitignoreBuilder::new(folder);
        // Wrong lines are skipped, as git does.
        builder.add(file);
        if let Ok(matcher) = builder.build() {
            self.folders.insert(folder.to_owned(), matcher);
        }
    }

    /// Whether a path is excluded. The folders above it must not be excluded. The nearest file decides.
    pub(super) fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        let nearest = path.ancestors().skip(1).filter_map(|folder| self.folders.get(folder));
        for matcher in nearest.chain(&self.general) {
            match matcher.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}
