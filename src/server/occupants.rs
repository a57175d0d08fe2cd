//! Before a start: finds the processes that listen on the ports of the server, and finds out
//! whether one of them is a Temporal server.

use crate::config::Settings;
use crate::process::ports::{self, Occupant};
use crate::process::threads::LOOKS;
use crate::supervisor::Failure;
use crate::temporal::health::Client;
use crate::unit::Refused;
use std::io;
use std::time::{Duration, Instant};

/// Time limit for finding the process that listens on a port.
const LOOK: Duration = Duration::from_secs(2);

/// Maximum number of requests to a listener, which may be a Temporal server that is still starting.
const REQUEST_TRIES: u32 = 5;
const REQUEST_PAUSE: Duration = Duration::from_millis(200);
/// How long stigmer waits for the first response of a listener whose program may be a Temporal
/// server or may forward to one. With this limit, the user waits 2 s for the whole start.
const MAYBE_SILENT: Duration = Duration::from_millis(1800);
/// How long stigmer waits for the first response of any other listener. With this limit, the user
/// waits 1 s for the whole start.
const OTHER_SILENT: Duration = Duration::from_millis(600);

/// Words in the command lines of Temporal servers, and of programs that forward a port.
const MAYBE_TEMPORAL: [&str; 10] = [
    "temporal",
    "docker",
    "podman",
    "rootless",
    "slirp4netns",
    "pasta",
    "kube",
    "ssh",
    "socat",
    "proxy",
];

/// The process that listens on the port. `None` if the port is free. [`Occupant::unknown`] if the
/// search for the process takes too long.
async fn occupant(port: u16) -> Result<Option<Occupant>, Refused> {
    let unknown_error = |error| unknown_listener(port, &error);
    if ports::listeners(port).map_err(unknown_error)?.is_empty() {
        return Ok(None);
    }
    let unknown = Occupant::unknown(port);
    let found = LOOKS.run(LOOK, move || ports::occupant(port)).await;
    found.unwrap_or(Ok(Some(unknown))).map_err(unknown_error)
}

/// Checks the ports of the options. Returns the Temporal server that someone else runs on the port.
/// `None` if the ports are free.
///
/// # Errors
/// If a process that is not a Temporal server listens on one of the ports. The error names that
/// process. Also if the Temporal server belongs to another user and the options do not allow that.
pub(crate) async fn occupant_of(settings: &Settings) -> Result<Option<Occupant>, Refused> {
    let port = settings.port;
    if let Some(occupant) = occupant(port).await? {
        let other = ports::other_user(port).map_err(|error| unknown_listener(port, &error))?;
        if !settings.allow_other_user && other.is_some() {
            return Err(of_another_user(&occupant).into());
        }
        if is_temporal(settings, &occupant).await {
            return Ok(Some(occupant));
        }
    }
    let ours = [(Some(port), "port"), (settings.ui_port, "ui-port")];
    for (port, option) in ours {
        let Some(port) = port else { continue };
        if let Some(occupant) = occupant(port).await? {
            return Err(taken(&occupant, option).into());
        }
    }
    Ok(None)
}

/// Whether the listener is a Temporal server. A server that is still starting responds with an
/// error at once, so the request is repeated after a pause.
async fn is_temporal(settings: &Settings, occupant: &Occupant) -> bool {
    let silent = longest_silence(occupant);
    let Ok(client) = Client::new(&settings.server_address(), silent) else { return false };
    for _ in 0..REQUEST_TRIES {
        let requested = Instant::now();
        if client.info().await.is_ok() {
            return true;
        }
        if requested.elapsed() >= silent
            || ports::listeners(settings.port).is_ok_and(|found| found.is_empty())
        {
            break;
        }
        tokio::time::sleep(REQUEST_PAUSE).await;
    }
    false
}

/// How long stigmer waits for the first response of this listener. After this time, the listener
/// counts as a program other than Temporal.
fn longest_silence(occupant: &Occupant) -> Duration {
    if may_be_temporal(occupant) { MAYBE_SILENT } else { OTHER_SILENT }
}

/// Whether the program of the listener may be a Temporal server, or may forward to a Temporal
/// server. True if the program is unknown.
fn may_be_temporal(occupant: &Occupant) -> bool {
    let command = occupant.command.to_lowercase();
    command.is_empty() || MAYBE_TEMPORAL.iter().any(|word| command.contains(word))
}

fn unknown_listener(port: u16, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!("cannot determine whether port {port} is free: {error}"),
        "check that /proc/net can be read, and that descriptors and memory are free",
    );
    Refused::for_now(error, failure)
}

fn taken(occupant: &Occupant, option: &str) -> Failure {
    Failure::new(
        format!("port {} is taken by {occupant}, which is not a Temporal server", occupant.port),
        format!("stop that process, or choose another port with --{option} N"),
    )
}

/// The refusal to use a server of another user. The owner of that server would see every workflow
/// and could send any response.
fn of_another_user(occupant: &Occupant) -> Failure {
    Failure::new(
        format!(
            "port {} is taken by {occupant}; stigmer does not use a server of another user without permission",
            occupant.port
        ),
        "use it with --allow-other-user if you trust that user, or choose another port with \
         --port N",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_other_program_has_less_time_than_a_possible_temporal_server() {
        // The rest of a start takes up to 200 ms of the 2 s or 1 s that the user waits.
        let [long, short] = [2000, 1000].map(|ms| Duration::from_millis(ms - 200));
        let silence = |command: &str| {
            longest_silence(&Occupant { command: command.into(), ..Occupant::unknown(7233) })
        };
        for command in ["", "/opt/temporal server start-dev", "/usr/bin/docker-proxy -proto tcp"] {
            assert!(short < silence(command) && silence(command) <= long, "{command}");
        }
        for command in ["nc -l 7233", "python3 -m http.server 7233", "node server.js"] {
            assert!(silence(command) <= short, "{command}");
        }
    }
}
