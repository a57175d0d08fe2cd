//! Waits for changes of a file, with inotify. Polls if the kernel provides no inotify instance.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventMask, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::time::sleep;

/// Time between two polls, used without inotify and while the folder of the file does not exist.
const POLL: Duration = Duration::from_millis(200);

/// Size of the buffer for inotify events. One event with the longest possible name fits.
const EVENTS: usize = 1024;

/// Watches the open file for growth, and the folder of the file for another file with the same
/// name.
#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    name: OsString,
    /// The inotify instance and its watches. `None` if the file is polled.
    kernel: Option<Kernel>,
    /// Whether the path may lead to another file now.
    suspicious: bool,
}

#[derive(Debug)]
struct Kernel {
    /// Identifies this inotify instance. [`Watch::attached`] ignores watches of an earlier
    /// instance.
    id: Arc<()>,
    events: EventStream<[u8; EVENTS]>,
    folder: Option<WatchDescriptor>,
    file: Option<WatchDescriptor>,
    attached: u64,
}

impl Watch {
    pub(super) fn new(path: &Path) -> Self {
        let kernel = Inotify::init().and_then(|inotify| inotify.into_event_stream([0; EVENTS]));
        let kernel = kernel.ok().map(|events| Kernel {
            id: Arc::default(),
            events,
            folder: None,
            file: None,
            attached: 0,
        });
        Self { kernel, ..Self::blind(path) }
    }

    /// Creates a watch that polls instead of using inotify.
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

    /// The inotify watches that are missing. `opened` is the number of the open file. The caller
    /// must add the watches before it reads the file. Otherwise a growth between the read and the
    /// start of the watch would be missed.
    pub(super) fn attach(&self, opened: Option<u64>) -> Option<Attach> {
        let kernel = self.kernel.as_ref()?;
        let needs_folder = kernel.folder.is_none();
        let needs_file = opened.is_some_and(|opened| opened != kernel.attached);
        (needs_folder || needs_file).then(|| Attach {
            kernel: kernel.id.clone(),
            watches: kernel.events.watches(),
            folder: needs_folder.then(|| self.folder.clone()),
        })
    }

    /// Takes over the inotify watches that were added.
    pub(super) fn attached(&mut self, attached: AttachedWatch) {
        let Some(kernel) = self.kernel.as_mut().filter(|it| Arc::ptr_eq(&it.id, &attached.kernel))
        else {
            return;
        };
        if let Some(folder) = attached.folder {
            kernel.folder = Some(folder);
        }
        let Some((opened, file)) = attached.file.filter(|(opened, _)| *opened != kernel.attached)
        else {
            return;
        };
        if let Some(old) = kernel.file.take() {
            // The call fails if the old file was deleted, because the kernel has already removed
            // the watch.
            let _ = kernel.events.watches().remove(old);
        }
        match file {
            Some(watch) => (kernel.file, kernel.attached) = (Some(watch), opened),
            None => self.kernel = None,
        }
    }

    /// Whether the path may now lead to another file than at the last call of [`Watch::changed`].
    pub(super) fn is_suspicious(&self) -> bool {
        // While the folder is not watched, any file may have replaced the open one.
        let blind = self.kernel.as_ref().is_none_or(|kernel| kernel.folder.is_none());
        self.suspicious || blind
    }

    /// Waits until the file may have changed. The caller must have checked the file for all kinds
    /// of changes before the call.
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
                    // The folder may have been moved. The watch of the folder would then report
                    // changes at the new place.
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

/// inotify watches that are to be added. Adding a watch may block, so it can be done on another
/// thread.
pub(super) struct Attach {
    kernel: Arc<()>,
    watches: Watches,
    folder: Option<PathBuf>,
}

/// inotify watches that were added.
#[derive(Debug)]
pub(super) struct AttachedWatch {
    kernel: Arc<()>,
    folder: Option<WatchDescriptor>,
    /// Number of the open file, and the watch of that file. The watch is `None` if the kernel
    /// allows no further watch.
    file: Option<(u64, Option<WatchDescriptor>)>,
}

impl Attach {
    /// Whether adding the watches accesses a path, which may lead to a file system that does not
    /// respond.
    pub(super) fn needs_path(&self) -> bool {
        self.folder.is_some()
    }

    pub(super) fn run(&self, file: Option<(&File, u64)>) -> AttachedWatch {
        let mut watches = self.watches.clone();
        let mask =
            WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
        let folder = self.folder.as_ref().and_then(|folder| watches.add(folder, mask).ok());
        let file = file.map(|(file, opened)| {
            // The watch is added by the descriptor of the open file. The path may lead to another
            // file by now.
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            (opened, watches.add(path, WatchMask::MODIFY).ok())
        });
        AttachedWatch { kernel: self.kernel.clone(), folder, file }
    }
}
