//! A child process that runs this program as the background host.

use crate::config::Options;
use crate::paths::{Home, files};
use crate::process::Pid;
use crate::process::claims::{self, Claim};
use crate::process::spawn::{inherit_only, this_program};
use crate::watchdog::SUBCOMMAND;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

/// Exit code of a background host that is not needed: another process holds the host lock, or there
/// is no server to adopt.
pub const EXIT_NEEDLESS: i32 = 75;

/// Maximum size in bytes of the file that receives the stderr of background hosts. A larger file is
/// emptied.
const ERRORS_MAX: u64 = 1 << 20;

/// A child process that is to become the background host of a home.
#[derive(Debug)]
pub struct SpawnedHost {
    child: Child,
    _claim: Claim,
    errors: Option<File>,
}

impl SpawnedHost {
    /// Spawns this program as a background host, in its own session. The child inherits no file
    /// descriptor of its parent. So it does not block the shell in `$(stigmer local)`, which waits
    /// until stdout is closed, and it keeps no lock of the parent. The child executes the same
    /// program file as this process, even if a build has put a new file at that path meanwhile.
    ///
    /// # Errors
    /// If the program cannot be executed.
    pub fn spawn(home: &Home, options: &Options) -> io::Result<Self> {
        Self::with(home, &["--options", &serde_json::to_string(options)?])
    }

    /// Like [`Self::spawn`], but the child becomes the host only if it can adopt a server that is to
    /// run.
    ///
    /// # Errors
    /// If the program cannot be executed.
    pub fn to_adopt(home: &Home) -> io::Result<Self> {
        Self::with(home, &["--adopt"])
    }

    fn with(home: &Home, arguments: &[&str]) -> io::Result<Self> {
        let (stderr, errors) = errors(&home.host_errors()).unzip();
        let mut command = this_program();
        command
            .args(["local", SUBCOMMAND])
            .args(arguments)
            .arg("--home")
            .arg(home.root())
            .current_dir(home.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr.map_or_else(Stdio::null, Stdio::from));
        // SAFETY: the closure calls only async-signal-safe functions (setsid, close_range).
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                inherit_only(&[])
            });
        }
        let (child, claim) = claims::spawn(&mut command)?;
        Ok(Self { child, _claim: claim, errors })
    }

    /// The pid of the child.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::try_from(self.child.id()).unwrap_or_default()
    }

    /// Returns the exit code and the stderr of the child if the child has ended. `None` while the
    /// child runs.
    pub fn ended(&mut self) -> Option<(Option<i32>, String)> {
        let status = self.child.try_wait().ok()??;
        let mut stderr = Vec::new();
        if let Some(errors) = &mut self.errors {
            // Ignore an error: the exit code is useful even without the text of stderr.
            let _ = errors.take(64 << 10).read_to_end(&mut stderr);
        }
        Some((status.code(), String::from_utf8_lossy(&stderr).trim().to_owned()))
    }
}

/// Opens the file for the stderr of a background host twice: the host writes through one, and this
/// process reads through the other. With a single open file, both processes would share one file
/// position.
fn errors(path: &Path) -> Option<(File, File)> {
    let open = || -> io::Result<(File, File)> {
        let mut options = File::options();
        let to = files::open_for_writing(options.append(true).create(true), path)?;
        if to.metadata()?.len() > ERRORS_MAX {
            to.set_len(0)?;
        }
        let mut from = File::open(path)?;
        from.seek(io::SeekFrom::End(0))?;
        Ok((to, from))
    };
    open()
        .inspect_err(|error| {
            tracing::warn!(
                path = %path.display(), %error,
                "cannot open the file for error messages of the background host"
            );
        })
        .ok()
}

pub(super) fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"))
}
