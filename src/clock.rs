//! The time zone of this machine, for all times that users read.

use jiff::tz::TimeZone;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which the time zone is read again, because the user of a laptop may travel to another
/// zone.
const FRESH: Duration = Duration::from_secs(60);

const LOCAL: &str = "/etc/localtime";

/// The time zone of this machine: from the variable `TZ` if it is set, else from the file
/// `/etc/localtime`. This function reads the file itself, because jiff needs 60 system calls for
/// the same zone: jiff reads only the name of the zone from the file, and searches the zone
/// database for that name.
#[must_use]
pub fn zone() -> TimeZone {
    static ZONE: Mutex<Option<(Instant, TimeZone)>> = Mutex::new(None);
    let mut known = ZONE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some((read, zone)) if read.elapsed() < FRESH => zone.clone(),
        Some(_) | None => {
            let zone = read();
            *known = Some((Instant::now(), zone.clone()));
            zone
        }
    }
}

fn read() -> TimeZone {
    let local = match std::env::var_os("TZ") {
        Some(_) => None,
        None => std::fs::read(LOCAL).ok().and_then(|file| TimeZone::tzif("Local", &file).ok()),
    };
    local.unwrap_or_else(TimeZone::system)
}

/// The current time and date in the time zone of this machine.
#[must_use]
pub fn now() -> jiff::Zoned {
    jiff::Timestamp::now().to_zoned(zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_is_that_of_the_system() {
        let now = jiff::Timestamp::now();
        let offset = |zone: &TimeZone| zone.to_offset(now);
        assert_eq!(offset(&read()), offset(&TimeZone::system()));
        assert_eq!(offset(&zone()), offset(&zone()), "cached");
    }
}
