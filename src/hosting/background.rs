//! The background host, which supervises the server without a terminal.

use super::deadlines::{FIRST_TRIM, STABLE, TRIM};
use super::hand_over::hand_over;
use super::spawned::EXIT_NEEDLESS;
use super::{Host, HostError, Resumed};
use crate::config::Settings;
use crate::paths::Home;
use crate::process::trim::unmap_code;
use crate::protocol::Mode;
use crate::watchdog::{self, Death};
use tokio::signal::unix::{SignalKind, signal};

pub use crate::watchdog::SUBCOMMAND;

/// Makes this process the background host. Returns the exit code of this process, after its time as
/// host.
///
/// # Errors
/// If this process cannot become the host.
pub async fn run(settings: Settings) -> Result<i32, HostError> {
    match Host::start(settings, Mode::Background) {
        Ok(host) => Ok(serve(host).await),
        Err(HostError::Running) => Ok(EXIT_NEEDLESS),
        Err(error) => Err(error),
    }
}

/// Makes this process the background host of a running server without a host. Does nothing if no
/// server runs that is to run. Returns the exit code of this process, after its time as host.
///
/// # Errors
/// If this process cannot become the host.
pub async fn adopt(home: &Home) -> Result<i32, HostError> {
    match Host::adopt(home) {
        Ok(Some(host)) => Ok(serve(host).await),
        Ok(None) | Err(HostError::Running) => Ok(EXIT_NEEDLESS),
        Err(error) => Err(error),
    }
}

/// Makes this process the background host after the previous host has died. Returns the exit code
/// of this process, after its time as host.
///
/// # Errors
/// If this process cannot become the host now. The watchdog tries again.
pub async fn resume(home: &Home, death: Death) -> Result<i32, HostError> {
    let code = match Host::resume(home, death).await {
        Ok(Resumed::Host(host)) => return Ok(serve(*host).await),
        Ok(Resumed::Stopped) => 0,
        Ok(Resumed::GivenUp) => 1,
        Err(HostError::Running) => EXIT_NEEDLESS,
        Err(error) => return Err(error),
    };
    watchdog::disarm();
    Ok(code)
}

/// Returns unused memory to the kernel: once after the start, and then regularly, because requests
/// and repairs load program code into memory again.
async fn trim() {
    tokio::time::sleep(FIRST_TRIM).await;
    loop {
        unmap_code();
        tokio::time::sleep(TRIM).await;
    }
}

async fn serve(host: Host) -> i32 {
    // Set the name of this process in process lists. Without this call, the name is "exe", because
    // the process was started with the path `/proc/self/exe`.
    let _ = nix::sys::prctl::set_name(c"stigmer");
    // Nobody waits for this task. It ends with the runtime.
    tokio::spawn(trim());
    // Receive SIGHUP and ignore it: a background host must keep running when its terminal closes.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut interrupt), Ok(_hangup)) = signals else {
        tracing::error!("cannot install signal handlers");
        host.leave().await;
        return 1;
    };
    let (requested, lost) = (host.shutdown_requested(), host.home_lost());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // The manager ends on its own only after a panic. The server keeps running and needs a
        // host, so start the next host. But if this host has panicked soon after its start, start
        // none: the next host would panic too.
        () = host.handle().closed() => {
            tracing::error!("the main task of the host ended after a panic");
            let facts = host.handle().facts();
            if facts.host.since.elapsed() < STABLE {
                host.leave().await;
            } else if let Err(error) = hand_over(&facts.settings.home, host).await {
                tracing::error!(%error, "cannot hand over to another host");
            }
            return 1;
        }
        () = requested.cancelled() => {
            tracing::info!("a client requested the end of the host");
            host.leave().await;
            return 0;
        }
        () = lost.cancelled() => {
            host.leave().await;
            return 1;
        }
    }
    tracing::info!("got a signal: stopping the server, then this host ends");
    let again = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    match host.shutdown_until(again).await {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "cannot stop the server");
            1
        }
    }
}
