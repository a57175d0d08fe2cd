//! The background host, which supervises the server without a terminal.

use super::deadlines::{FIRST_TRIM, STABLE, TRIM};
use super::hand_over::hand_over;
use super::spawned::EXIT_RUNNING;
use super::{Host, HostError, Resumed};
use crate::config::Settings;
use crate::paths::Home;
use crate::process::trim::unmap_code;
use crate::protocol::Mode;
use crate::watchdog::{self, Death};
use tokio::signal::unix::{SignalKind, signal};

pub use crate::watchdog::SUBCOMMAND;

/// Makes this process the background host, and returns the exit code after its end.
///
/// # Errors
/// If this process cannot become the host.
pub async fn run(settings: Settings) -> Result<i32, HostError> {
    match Host::start(settings, Mode::Background) {
        Ok(host) => Ok(serve(host).await),
        Err(HostError::Running) => Ok(EXIT_RUNNING),
        Err(error) => Err(error),
    }
}

/// Makes this process the background host in place of a host that died, and returns the exit code
/// after its end.
///
/// # Errors
/// If this process cannot become the host now. The watchdog tries again.
pub async fn resume(home: &Home, death: Death) -> Result<i32, HostError> {
    let code = match Host::resume(home, death).await {
        Ok(Resumed::Host(host)) => return Ok(serve(*host).await),
        Ok(Resumed::Stopped) => 0,
        Ok(Resumed::GivenUp) => 1,
        Err(HostError::Running) => EXIT_RUNNING,
        Err(error) => return Err(error),
    };
    watchdog::disarm();
    Ok(code)
}

/// Returns unused memory to the kernel: once after the start, and then regularly, because requests
/// and repairs load more code.
async fn trim() {
    tokio::time::sleep(FIRST_TRIM).await;
    loop {
        unmap_code();
        tokio::time::sleep(TRIM).await;
    }
}

async fn serve(host: Host) -> i32 {
    // Set the name in process lists. It is "exe" after an exec of `/proc/self/exe`.
    let _ = nix::sys::prctl::set_name(c"stigmer");
    // Nobody waits for this task. It ends with the runtime.
    tokio::spawn(trim());
    // The handler of SIGHUP does nothing: the end of a terminal must not end a background host.
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
        // The manager ends by itself only after a panic. The server keeps running and needs a host.
        // A host that panics soon after its start is not replaced, because the next host would
        // panic too.
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
