//! Who listens on the ports of a server that is to start.

use crate::config::Settings;
use crate::process::ports::{self, Occupant};
use crate::process::threads::LOOKS;
use crate::supervisor::Failure;
use crate::temporal::health::Client;
use crate::unit::Refused;
use std::io;
use std::time::{Duration, Instant};

/// How long one waits to see who is on a port.
const LOOK: Duration = Duration::from_secs(2);

/// A listener that may be a Temporal which is starting is asked this often.
const ASK_TRIES: u32 = 5;
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// So long a listener may be silent whose program may be a Temporal, or lead to one. With all else
/// that a start does before it, the user waits 2 s.
const MAYBE_SILENT: Duration = Duration::from_millis(1800);
/// So long one that is plainly something else. The user waits 1 s.
const OTHER_SILENT: Duration = Duration::from_millis(600);

/// What is in the command line of a Temporal, and of what forwards a port to one.
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

/// The process that listens on the port. [`Occupant::unknown`] if the look takes too long, `None` if
/// the port is free.
async fn occupant(port: u16) -> Result<Option<Occupant>, Refused> {
    let not_told = |error| unknown_listener(port, &error);
    if ports::listeners(port).map_err(not_told)?.is_empty() {
        return Ok(None);
    }
    let unknown = Occupant::unknown(port);
    let found = LOOKS.run(LOOK, move || ports::occupant(port)).await;
    found.unwrap_or(Ok(Some(unknown))).map_err(not_told)
}

/// A Temporal that somebody else runs on our port; any other listener on a port
/// of ours is an error that names it.
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

/// Whether a Temporal answers there. One that is starting says so, and is asked again.
async fn is_temporal(settings: &Settings, occupant: &Occupant) -> bool {
    let silent = longest_silence(occupant);
    let Ok(client) = Client::new(&settings.server_address(), silent) else { return false };
    for _ in 0..ASK_TRIES {
        let asked = Instant::now();
        if client.info().await.is_ok() {
            return true;
        }
        if asked.elapsed() >= silent
            || ports::listeners(settings.port).is_ok_and(|found| found.is_empty())
        {
            break;
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
    false
}

/// How long this listener may be silent before it is no Temporal.
fn longest_silence(occupant: &Occupant) -> Duration {
    if may_be_temporal(occupant) { MAYBE_SILENT } else { OTHER_SILENT }
}

/// One that cannot be seen may be anything.
fn may_be_temporal(occupant: &Occupant) -> bool {
    let command = occupant.command.to_lowercase();
    command.is_empty() || MAYBE_TEMPORAL.iter().any(|word| command.contains(word))
}

fn unknown_listener(port: u16, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!("cannot determine whether port {port} is free: {error}"),
        "see that /proc/net can be read, and that descriptors and memory are left",
    );
    Refused::for_now(error, failure)
}

fn taken(occupant: &Occupant, option: &str) -> Failure {
    Failure::new(
        format!("port {} is taken by {occupant}, which is no Temporal", occupant.port),
        format!("stop that process, or choose another port with --{option} N"),
    )
}

/// The owner of that server would see every workflow, and could return any response.
fn of_another_user(occupant: &Occupant) -> Failure {
    Failure::new(
        format!(
            "port {} is taken by {occupant}; a Temporal of another user is not used unasked",
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
    fn only_a_program_that_is_plainly_something_else_is_given_little_time() {
        // A fifth of a second for the rest of a start.
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
