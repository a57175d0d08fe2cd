//! Types for option values that need parsing, such as durations, sizes and addresses.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Maximum duration in an option. A longer duration is probably a mistake, and adding it to a point
/// in time could overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A duration in an option, such as `500ms`, `1.5s`, `2m 30s`, `1d` or `1w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a time; write it with its unit, such as 500ms, 2s, 1m 30s or 1d"
            )
        };
        let parsed: jiff::Span = text.trim().parse().map_err(|_| wrong())?;
        // Accept days and weeks, but not months and years, because those have no fixed length.
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let parsed = parsed.to_duration(days).map_err(|_| wrong())?;
        let span = Duration::try_from(parsed).map_err(|_| "a time cannot be negative")?;
        if span > LONGEST {
            return Err(format!("`{text}` is more than a year"));
        }
        Ok(Self(span))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

/// A number of bytes in an option, such as `64MiB`, `1 GB` or `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size; write it such as 64MiB, 500 kB or 1G");
        let text_ = text.trim();
        let split = text_.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text_.len());
        let (number, unit) = text_.split_at(split);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let bytes = number * factor as f64;
        if bytes.is_finite() && bytes < 1e18 { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A TCP address to listen on, such as `9464`, `localhost:9464` or `127.0.0.1:9464`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpAddress(pub SocketAddr);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let port = text.strip_prefix("localhost:").unwrap_or(text).parse();
        let address = match port {
            Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
            Err(_) => text.parse(),
        };
        address.map(Self).map_err(|_| {
            format!(
                "`{text}` is not an address; write it such as 9464, localhost:9464 or \
                 127.0.0.1:9464"
            )
        })
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for HttpAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HttpAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Port(u16),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Port(port) => Ok(Self((Ipv4Addr::LOCALHOST, port).into())),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// A log level of Temporal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemporalLogLevel {
    /// Everything. Under load, the log grows by 0.7 MB per second.
    Debug,
    /// Normal operation.
    Info,
    /// Possible problems.
    Warn,
    /// Errors.
    Error,
}

impl fmt::Display for TemporalLogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(Span);
as_text!(Size);
