//! Durations, latencies, sizes and counts as text.
//!
//! Usual values have a maximum width, so that a caller can align them in a fixed column: a number that changes
//! must not move the text next to it.

/// Formats a latency in µs in at most 6 columns: `210 µs`, `0.9 ms`, `12 ms`, `1.2 s`.
#[must_use]
pub fn latency(us: u64) -> String {
    match us {
        0..500 => format!("{us} µs"),
        500..9_950 => format!("{:.1} ms", us as f64 / 1e3),
        9_950..999_500 => format!("{:.0} ms", us as f64 / 1e3),
        _ => duration(us / 1_000),
    }
}

/// Formats a duration in ms with two or three digits: `131 ms`, `3.2 s`, `42 s`, `5 min`.
#[must_use]
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..9_950 => format!("{:.1} s", ms as f64 / 1e3),
        _ => age(ms),
    }
}

/// Formats an age in ms. Coarse, so that the text seldom changes: `now`, `42 s`, `12 min`, `1 h 12 min`, `3 d 4 h`.
#[must_use]
pub fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => "now".into(),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => two_units(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        _ => two_units(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

/// Formats two units: `1 h 12 min`. Omits the second unit if its number is zero.
fn two_units(great: u64, great_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{great} {great_unit}"),
        _ => format!("{great} {great_unit} {small} {small_unit}"),
    }
}

/// Formats a configured interval in ms exactly where possible: `1 s`, `250 ms`, `1.5 s`.
#[must_use]
pub fn interval(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1_000) { age(ms) } else { duration(ms) }
}

/// Formats an age in ms as a phrase: `just now`, `12 min ago`.
#[must_use]
pub fn ago(ms: u64) -> String {
    if ms < 1_000 { "just now".into() } else { format!("{} ago", age(ms)) }
}

/// Formats the age in ms of the number of an attempt, if the number may be outdated: `as of 12 s ago`. Before the next
/// attempt, the number cannot change.
#[must_use]
pub fn as_of(as_of_ms: Option<u64>, next_try_ms: Option<u64>) -> Option<String> {
    const OLD_MS: u64 = 5_000;
    let may_be_outdated = next_try_ms.is_none_or(|ms| ms == 0);
    let age = as_of_ms.filter(|ms| may_be_outdated && *ms >= OLD_MS)?;
    Some(format!("as of {}", ago(age)))
}

/// Formats an age in ms in at most 6 columns: `42 s`, `12 min`, `17 h`, `3 d`.
#[must_use]
pub fn age_short(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..3_600 => age(ms),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Formats an uptime in ms: `42 s`, `4 min 07 s`, `1 h 12 min`. At most 11 columns below 100 days.
#[must_use]
pub fn uptime(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => age(ms),
    }
}

/// Formats the time in ms until an event, to the second below 10 minutes: `42 s`, `1 min 59 s`, `12 min`. At most 10
/// columns below 100 h.
#[must_use]
pub fn remaining(ms: u64) -> String {
    match ms {
        1_000..600_000 => uptime(ms),
        _ => age(ms),
    }
}

/// Formats a size in bytes with decimal units in at most 6 columns: `512 B`, `690 kB`, `1.5 MB`, `148 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1_000 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1e3;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 999.5 {
            break;
        }
        value /= 1e3;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Formats a percentage in at most 6 columns: `2.5 %`, `140 %`.
#[must_use]
pub fn percent(value: f32) -> String {
    if value < 99.95 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// Formats a percentage without a fraction: `2 %`, `140 %`.
#[must_use]
pub fn whole_percent(value: f32) -> String {
    format!("{value:.0} %")
}

/// Formats a count with separated thousands: `12,345`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a count with its noun: `1 entry`, `3 entries`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Formats the known versions of Temporal: `Temporal 1.9.1 (server 1.32.0)`.
#[must_use]
pub fn temporal_version(cli: Option<&str>, server: Option<&str>) -> Option<String> {
    match (cli, server) {
        (Some(cli), Some(server)) => Some(format!("Temporal {cli} (server {server})")),
        (Some(cli), None) => Some(format!("Temporal {cli}")),
        (None, Some(server)) => Some(format!("Temporal (server {server})")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_fit_into_six_columns() {
        for (us, text) in [
            (0, "0 µs"),
            (210, "210 µs"),
            (499, "499 µs"),
            (900, "0.9 ms"),
            (9_949, "9.9 ms"),
            (9_950, "10 ms"),
            (999_499, "999 ms"),
            (999_500, "999 ms"),
            (1_200_000, "1.2 s"),
        ] {
            assert_eq!(latency(us), text);
        }
        for us in (0..100_000_000).step_by(997) {
            assert!(latency(us).chars().count() <= 6, "{us}: {}", latency(us));
        }
    }

    #[test]
    fn ages_have_the_unit_of_their_size() {
        for (ms, text) in [
            (0, "now"),
            (999, "now"),
            (42_000, "42 s"),
            (720_000, "12 min"),
            (4_320_000, "1 h 12 min"),
            (3_600_000, "1 h"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(age(ms), text);
        }
        assert_eq!(uptime(247_000), "4 min 07 s");
        for (ms, text) in [
            (900, "now"),
            (13_000, "13 s"),
            (119_900, "1 min 59 s"),
            (599_999, "9 min 59 s"),
            (600_000, "10 min"),
            (4_320_000, "1 h 12 min"),
        ] {
            assert_eq!(remaining(ms), text);
        }
        assert_eq!(age_short(61_200_000), "17 h");
        assert_eq!(ago(300), "just now");
        assert_eq!(duration(131), "131 ms");
        assert_eq!(duration(3_249), "3.2 s");
    }

    #[test]
    fn sizes_fit_into_their_column_in_every_unit() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (690_000, "690 kB"),
            (999_600, "1.0 MB"),
            (148_000_000, "148 MB"),
            (1_500_000_000, "1.5 GB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn counts_have_separated_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(918), "918");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "restart", "restarts"), "1 restart");
    }
}
