//! The time zone of this machine, for all times that people read.

use jiff::tz::TimeZone;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A laptop that travels changes its zone.
const FRESH: Duration = Duration::from_secs(60);

const LOCAL: &str = "/etc/localtime";

/// The zone of this machine: that of the variable `TZ` if it is set, else that of
/// `/etc/localtime`. jiff alone would find the name of the latter and look that name up among all
/// names in the zone database, which takes 60 system calls; the file itself has all that is needed.
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

/// The time of day and the date, here and now.
#[must_use]
pub fn now() -> jiff::Zoned {
    jiff::Timestamp::now().to_zoned(zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_is_the_one_of_the_system() {
        let now = jiff::Timestamp::now();
        let offset = |zone: &TimeZone| zone.to_offset(now);
        assert_eq!(offset(&read()), offset(&TimeZone::system()));
        assert_eq!(offset(&zone()), offset(&zone()), "remembered");
    }
}
