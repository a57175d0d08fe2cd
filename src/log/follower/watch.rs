//! Waits for changes of a file by inotify, or by polling if the kernel provides no inotify
//! instance.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventMask, EventStream, Inotify, WatchDescriptor, WatchMask};
use tokio::time::sleep;

use super::reader::Reader;

/// Polling interval, without inotify or for a folder that does not exist yet.
const POLL: Duration = Duration::from_millis(200);

/// Room for one event with the longest possible name.
const EVENTS: usize = 1024;

/// Watches the open file for growth, and its folder for a file that replaces it.
#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    name: OsString,
    /// `None` if polling.
    kernel: Option<Kernel>,
    /// Whether the path may lead to another file by now.
    suspicious: bool,
}

#[derive(Debug)]
struct Kernel {
    events: EventStream<[u8; EVENTS]>,
    folder: Option<WatchDescriptor>,
    file: Option<WatchDescriptor>,
    attached: u64,
}

impl Watch {
    pub(super) fn new(path: &Path) -> Self {
        let kernel = Inotify::init().and_then(|inotify| inotify.into_event_stream([0; EVENTS]));
        let kernel =
            kernel.ok().map(|events| Kernel { events, folder: None, file: None, attached: 0 });
        Self { kernel, ..Self::blind(path) }
    }

    /// Creates a watch that polls.
    pub(super) fn blind(path: &Path) -> Self {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        Self {
            folder: folder.to_owned(),
            name: path.file_name().unwrap_or_default().to_owned(),
            kernel: None,
            suspicious: true,
        }
    }

    pub(super) fn is_blind(&self) -> bool {
        self.kernel.is_none()
    }

    /// Watches the file that the reader has open now. Call it before the read, so that no growth
    /// between read and watch is missed.
    pub(super) fn attach(&mut self, reader: &Reader) {
        let Some(kernel) = &mut self.kernel else {
            return;
        };
        if kernel.folder.is_none() {
            let mask = WatchMask::CREATE
                | WatchMask::MOVED_TO
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF;
            kernel.folder = kernel.events.watches().add(&self.folder, mask).ok();
        }
        let Some((file, opened)) = reader.file() else {
            return;
        };
        if kernel.attached == opened {
            return;
        }
        if let Some(old) = kernel.file.take() {
            // The kernel has already removed it if the old file was deleted.
            let _ = kernel.events.watches().remove(old);
        }
        match watch_open_file(kernel, file) {
            Some(watch) => (kernel.file, kernel.attached) = (Some(watch), opened),
            None => self.kernel = None,
        }
    }

    /// Whether the path may lead to another file than at the last call of [`Watch::changed`].
    pub(super) fn is_suspicious(&self) -> bool {
        // While the folder is not watched, any change is possible.
        let blind = self.kernel.as_ref().is_none_or(|kernel| kernel.folder.is_none());
        self.suspicious || blind
    }

    /// Waits until a change is possible. Call it after all possible changes were checked.
    pub(super) async fn changed(&mut self) {
        self.suspicious = false;
        let Some(kernel) = &mut self.kernel else {
            return sleep(POLL).await;
        };
        loop {
            let event = if kernel.folder.is_some() {
                kernel.events.next().await
            } else {
                tokio::select! {
                    event = kernel.events.next() => event,
                    () = sleep(POLL) => return,
                }
            };
            let Some(Ok(event)) = event else {
                self.kernel = None;
                return;
            };
            if kernel.file.as_ref() == Some(&event.wd) {
                return;
            }
            if kernel.folder.as_ref() == Some(&event.wd) {
                if event
                    .mask
                    .intersects(EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::IGNORED)
                {
                    // If the folder was only moved, its watch would be at the wrong place.
                    let folder = kernel.folder.take();
                    let _ = folder.map(|folder| kernel.events.watches().remove(folder));
                } else if event.name.as_ref() != Some(&self.name) {
                    continue;
                }
                self.suspicious = true;
                return;
            }
            if event.mask.contains(EventMask::Q_OVERFLOW) {
                self.suspicious = true;
                return;
            }
        }
    }
}

/// By the descriptor, not by the path, which may lead to another file at the same moment.
fn watch_open_file(kernel: &Kernel, file: &File) -> Option<WatchDescriptor> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    kernel.events.watches().add(path, WatchMask::MODIFY).ok()
}
