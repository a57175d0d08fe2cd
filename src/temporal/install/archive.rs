//! The official archive of the Temporal CLI: a `tar.gz` with the program. The archive is unpacked
//! while it is downloaded.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use flate2::read::GzDecoder;
use ureq::{Agent, Error, Timeout};

use super::staging::{MAX_PROGRAM, Program, Staging};
use super::{Progress, Wanted};
use crate::process::threads;

/// Time limit of the name lookup. Also the time limit of the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The download fails if the server sends no data for this time.
const STALL: Duration = Duration::from_secs(30);

pub(super) fn url(base: &str, wanted: &Wanted<'_>) -> String {
    let Wanted { version, arch, .. } = wanted;
    format!("{base}/cli/archive/v{version}?platform=linux&arch={arch}")
}

/// Downloads and unpacks the archive. Uses the proxies of the environment (`HTTPS_PROXY`,
/// `NO_PROXY`, …).
pub(super) fn fetch(
    url: &str,
    staging: &Staging,
    progress: &mut dyn Progress,
) -> Result<Program, String> {
    let config = Agent::config_builder()
        .https_only(url.starts_with("https:"))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL))
        .build();
    // ureq creates a thread to resolve a name, and panics if the system cannot create one.
    threads::try_create(1)
        .map_err(|error| format!("cannot create a thread to resolve the host name: {error}"))?;
    let agent = Agent::new_with_config(config);
    let mut response = agent.get(url).call().map_err(|error| explain(&error))?;
    progress.started(url, response.body().content_length());
    let body = response.body_mut().with_config().limit(MAX_PROGRAM).reader();
    unpack(ProgressReader { body, read: 0, progress }, staging)
}

/// Writes the file `temporal` of the archive into the staging folder. The file may be in any folder
/// of the archive. All other files are ignored.
fn unpack(from: impl Read, staging: &Staging) -> Result<Program, String> {
    // The limit is higher than the size of the program, because the skipped files count too.
    let mut tar = tar::Archive::new(GzDecoder::new(from).take(2 * MAX_PROGRAM));
    let broken = |error: io::Error| format!("the archive is broken or incomplete: {error}");
    for entry in tar.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let is_file = entry.header().entry_type().is_file();
        if !is_file
            || entry.path().map_err(broken)?.file_name() != Path::new("temporal").file_name()
        {
            continue;
        }
        let size = entry.size();
        let program = staging.write_program(entry)?;
        let written = staging.program().metadata().map_err(broken)?.len();
        if written != size {
            return Err(format!("the archive is incomplete: {written} of {size} bytes"));
        }
        // Reads the archive to its end, because the checksum of the gzip stream is there.
        let mut rest = tar.into_inner();
        io::copy(&mut rest, &mut io::sink()).map_err(broken)?;
        return Ok(program);
    }
    Err("there is no `temporal` in the archive".to_owned())
}

/// The message for a failed download.
fn explain(error: &Error) -> String {
    match error {
        Error::StatusCode(404) => "there is no such version (HTTP status 404)".to_owned(),
        Error::StatusCode(status) => format!("the server responds with HTTP status {status}"),
        Error::HostNotFound => "its host name cannot be resolved".to_owned(),
        Error::Timeout(Timeout::Resolve) => "its host name cannot be resolved in time".to_owned(),
        Error::Timeout(Timeout::Connect) => {
            format!("no connection within {} s", CONNECT.as_secs())
        }
        Error::Timeout(_) => format!("no response for {} s", STALL.as_secs()),
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// A reader that reports to the user how many bytes were read.
struct ProgressReader<'a, R> {
    body: R,
    read: u64,
    progress: &'a mut dyn Progress,
}

impl<R: Read> Read for ProgressReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.body.read(buffer)?;
        self.read += n as u64;
        self.progress.advanced(self.read);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Silent;
    use super::*;
    use crate::process::threads::tests::without_threads;

    #[test]
    fn download_without_a_free_thread_is_an_error() {
        if !without_threads(
            "temporal::install::archive::tests::download_without_a_free_thread_is_an_error",
        ) {
            return;
        }
        let bin = tempfile::tempdir().unwrap();
        let staging = Staging::new(bin.path()).unwrap();
        let why = fetch("http://localhost:1/", &staging, &mut Silent).map(drop).unwrap_err();
        assert!(why.contains("cannot create a thread"), "{why}");
    }
}
