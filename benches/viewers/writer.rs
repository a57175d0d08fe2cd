//! Writes numbered lines to the log, as Temporal would.

use anyhow::Result;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// The text before the number in each line. The benchmark searches the screen for this text.
pub const WORD: &str = "numbered ";
/// Size of one write at full speed.
const BLOCK: usize = 64 << 10;

/// The result of [`flood`]: bytes and duration.
pub struct Flood {
    pub len: u64,
    pub took: Duration,
}

fn line(number: u64) -> String {
    format!(
        "{{\"level\":\"info\",\"ts\":\"2026-01-02T03:04:05.678Z\",\"msg\":\"{WORD}{number:010}\",\
         \"component\":\"bench\",\"shard-id\":3,\"address\":\"127.0.0.1:7233\"}}\n"
    )
}

fn open(log: &Path) -> Result<File> {
    Ok(OpenOptions::new().append(true).open(log)?)
}

/// Writes `rate` lines per second from number `first` on, each in its own write. Returns the time of each
/// write.
pub fn steady(log: &Path, first: u64, rate: u32, duration: Duration) -> Result<Vec<Instant>> {
    let mut file = open(log)?;
    let count = rate * u32::try_from(duration.as_secs())?;
    let mut written = Vec::with_capacity(count as usize);
    let begun = Instant::now();
    while written.len() < count as usize {
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while written.len() < due.min(count as usize) {
            let line = line(first + written.len() as u64);
            written.push(Instant::now());
            file.write_all(line.as_bytes())?;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(written)
}

/// Writes `count` lines at full speed.
pub fn flood(log: &Path, first: u64, count: u64) -> Result<Flood> {
    let mut file = open(log)?;
    let begun = Instant::now();
    let mut block = String::with_capacity(BLOCK + 256);
    let mut len = 0;
    for number in first..first + count {
        let _ = block.write_str(&line(number));
        if block.len() >= BLOCK || number + 1 == first + count {
            file.write_all(block.as_bytes())?;
            len += block.len() as u64;
            block.clear();
        }
    }
    Ok(Flood { len, took: begun.elapsed() })
}
