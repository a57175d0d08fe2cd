//! The thread that watches the folders of a project.

use super::ChangedFiles;
use super::batch::{ChangeBatch, LONGEST};
use super::excluded::{Excluded, GITIGNORE, PYVENV};
use super::inputs::{WatchInput, WatchInputs, WatchQueue};
use super::patterns::Patterns;
use crate::caught;
use crate::paths::shortened;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, INotifyWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc as tokio_mpsc;

/// Time until a watch that has ended begins again.
const PAUSE: Duration = Duration::from_secs(10);

/// What a watch reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchReport {
    /// Files changed.
    Changed(ChangedFiles),
    /// Why some files are not watched, or `None` if all are watched. The first report, after the
    /// watch has begun, and then each time it changes.
    Trouble(Option<String>),
}

/// A running watch. Dropping it ends the watch.
#[derive(Debug)]
pub struct FileWatch {
    inputs: WatchInputs,
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        self.inputs.end();
    }
}

type Reports = tokio_mpsc::UnboundedReceiver<WatchReport>;

/// Begins to watch files. The reports end when the watch is dropped. A folder that is not there is
/// watched as soon as it is created. With `since`, a file that was written after this time and before the
/// watch began is a change, too.
///
/// # Errors
/// If the thread or the connection to inotify cannot be created.
pub fn watch(
    patterns: Patterns,
    since: Option<SystemTime>,
) -> Result<(FileWatch, Reports), String> {
    let (inputs, queue) = WatchInputs::new();
    let (reports, outgoing) = tokio_mpsc::unbounded_channel();
    let events = inputs.clone();
    let handler = move |event| events.send(event);
    let inotify = INotifyWatcher::new(handler, notify::Config::default())
        .map_err(|error| format!("cannot watch files: {}", describe(&error)))?;
    let observer = Observer::new(patterns, inotify, reports);
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || {
            // `notify` panics if the system creates no thread for it. The end of the reports shows that
            // the watch has ended.
            caught::quietly(|| observer.run(&queue, since));
        })
        .map_err(|error| format!("cannot create the thread that watches files: {error}"))?;
    Ok((FileWatch { inputs }, outgoing))
}

/// Watches files until the returned future is dropped, and passes each report to `report`. A watch that
/// cannot begin or has ended is reported, and begun again later; the files that were written meanwhile are
/// changes then. For `since`, see [`watch`].
pub async fn follow(patterns: Patterns, since: Option<SystemTime>, report: impl Fn(WatchReport)) {
    follow_each(|since| watch(patterns.clone(), since), since, report).await;
}

/// Like [`follow`], with the function that begins each watch.
pub(super) async fn follow_each<W>(
    begin: impl Fn(Option<SystemTime>) -> Result<(W, Reports), String>,
    mut since: Option<SystemTime>,
    report: impl Fn(WatchReport),
) {
    loop {
        let begun = SystemTime::now();
        let why = match begin(since) {
            Ok((_watch, mut reports)) => {
                while let Some(next) = reports.recv().await {
                    report(next);
                }
                // Changes of the last batch may not have been reported.
                since = SystemTime::now().checked_sub(LONGEST).max(Some(begun));
                "the thread that watches files has ended".to_owned()
            }
            Err(error) => {
                since = since.or(Some(begun));
                error
            }
        };
        report(WatchReport::Trouble(Some(format!("changed files are not noticed: {why}"))));
        tokio::time::sleep(PAUSE).await;
    }
}

struct Observer {
    patterns: Patterns,
    excluded: Excluded,
    inotify: INotifyWatcher,
    /// The watched folders.
    watched: BTreeSet<PathBuf>,
    /// While the root is missing: the nearest folder above it, where the next one is created.
    beacon: Option<PathBuf>,
    batch: ChangeBatch,
    trouble: Option<String>,
    /// The last reported trouble. `None` before the first report.
    reported: Option<Option<String>>,
    reports: tokio_mpsc::UnboundedSender<WatchReport>,
}

impl Observer {
    fn new(
        patterns: Patterns,
        inotify: INotifyWatcher,
        reports: tokio_mpsc::UnboundedSender<WatchReport>,
    ) -> Self {
        Self {
            excluded: Excluded::default(),
            inotify,
            watched: BTreeSet::new(),
            beacon: None,
            batch: ChangeBatch::default(),
            trouble: None,
            reported: None,
            reports,
            patterns,
        }
    }

    fn run(mut self, queue: &WatchQueue, since: Option<SystemTime>) {
        let files = self.watch_all();
        if let Some(since) = since {
            written_after(since, &files).for_each(|file| self.batch.add(file, Instant::now()));
        }
        loop {
            match queue.next(self.batch.due()) {
                WatchInput::Event(event) => self.handle(event),
                WatchInput::Lost => {
                    tracing::warn!("files change faster than their changes can be handled");
                    self.start_over();
                }
                WatchInput::Nothing => {}
                WatchInput::End => return,
            }
            if let Some(changed) = self.batch.take(Instant::now())
                && self.reports.send(WatchReport::Changed(changed)).is_err()
            {
                return;
            }
        }
    }

    fn handle(&mut self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) if event.need_rescan() => return self.start_over(),
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "lost a notification of inotify");
                return self.start_over();
            }
        };
        let is_change = match event.kind {
            // Opened for writing and closed, also without a write, as `touch` does.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => false,
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => true,
        };
        if is_change {
            event.paths.iter().for_each(|path| self.changed(path));
        }
    }

    fn changed(&mut self, path: &Path) {
        if self.beacon.is_some() || path == self.patterns.root() {
            return self.root_changed();
        }
        if self.watched.contains(path) && !is_folder(path) {
            let was_searched = self.patterns.is_within(path);
            self.forget(path);
            if was_searched {
                self.batch.add(path, Instant::now());
            }
            return;
        }
        if path.file_name().is_some_and(|name| name == PYVENV) {
            // Only this folder: a new watch of all folders would miss changes meanwhile.
            if let Some(environment) = path.parent().filter(|it| *it != self.patterns.root()) {
                self.forget(environment);
            }
            return;
        }
        if path.file_name().is_some_and(|name| name == GITIGNORE) {
            self.watch_all();
            return;
        }
        if self.is_in_environment(path) {
            return;
        }
        if is_folder(path) {
            // A folder of this name may have been replaced by another one.
            self.forget(path);
            let mut files = Vec::new();
            self.search(path, &mut files);
            // It may have become an environment during the search.
            files.retain(|file| !self.is_in_environment(file));
            files.iter().for_each(|file| self.batch.add(file, Instant::now()));
            self.report_trouble();
        } else if self.patterns.matches(path) && !self.excludes(path, false) {
            self.batch.add(path, Instant::now());
        }
    }

    /// The root, or a folder above it, was created or deleted.
    fn root_changed(&mut self) {
        let was_there = self.beacon.is_none();
        let root = self.patterns.root().to_owned();
        if was_there && root.is_dir() {
            return;
        }
        self.watch_all();
        if was_there || self.beacon.is_none() {
            self.batch.add(&root, Instant::now());
        }
    }

    /// Notifications were lost, so anything may have changed.
    fn start_over(&mut self) {
        let root = self.patterns.root().to_owned();
        self.watch_all();
        self.batch.add(&root, Instant::now());
    }

    /// Searches all folders again. Returns the files that match.
    fn watch_all(&mut self) -> Vec<PathBuf> {
        self.trouble = None;
        for folder in std::mem::take(&mut self.watched).into_iter().chain(self.beacon.take()) {
            let _ = self.inotify.unwatch(&folder);
        }
        let root = self.patterns.root().to_owned();
        self.excluded = Excluded::above(&root);
        let mut files = Vec::new();
        if root.is_dir() {
            self.search(&root, &mut files);
        } else {
            self.watch_above(&root);
        }
        self.report_trouble();
        files
    }

    /// Watches the nearest folder above the missing root.
    fn watch_above(&mut self, root: &Path) {
        for folder in root.ancestors().skip(1) {
            if self.inotify.watch(folder, RecursiveMode::NonRecursive).is_ok() {
                self.beacon = Some(folder.to_owned());
                break;
            }
        }
        // It may have been created between the look and the watch.
        if root.is_dir()
            && let Some(folder) = self.beacon.take()
        {
            let _ = self.inotify.unwatch(&folder);
            self.search(root, &mut Vec::new());
        }
    }

    /// Watches a folder and those in it, and adds the files that match to `files`.
    fn search(&mut self, folder: &Path, files: &mut Vec<PathBuf>) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let is_root = folder == self.patterns.root();
            let counts = is_root
                || (self.patterns.reaches(&folder)
                    && !self.excludes(&folder, true)
                    && !folder.join(PYVENV).is_file());
            if !counts {
                continue;
            }
            // First the watch, then the look: otherwise a file that is created between them would
            // be missed.
            match self.inotify.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => _ = self.watched.insert(folder.clone()),
                // It was deleted meanwhile. Its parent reports that.
                Err(error) if is_absent(&error) => continue,
                Err(error) => {
                    self.note(&folder, &describe(&error));
                    continue;
                }
            }
            self.excluded.read(&folder);
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.note(&folder, &error.to_string());
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                // A symbolic link to a folder is not followed, because it may lead to a circle.
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(_) if self.patterns.matches(&path) => {
                        if !self.excludes(&path, false) {
                            files.push(path);
                        }
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }

    /// Whether a path is in a virtual environment, whose folders were watched before it was one.
    fn is_in_environment(&self, path: &Path) -> bool {
        let root = self.patterns.root();
        let mut above = path.ancestors().skip(1).take_while(|it| *it != root);
        above.any(|folder| folder.join(PYVENV).is_file())
    }

    fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        !self.patterns.counts_excluded() && self.excluded.excludes(path, is_folder)
    }

    /// Ends the watches of a folder and of those in it. A moved folder would report its old path.
    fn forget(&mut self, folder: &Path) {
        let (gone, kept) = std::mem::take(&mut self.watched)
            .into_iter()
            .partition::<BTreeSet<_>, _>(|it| it.starts_with(folder));
        self.watched = kept;
        for folder in gone {
            // The kernel has ended the watch of a deleted folder itself.
            let _ = self.inotify.unwatch(&folder);
        }
    }

    fn note(&mut self, folder: &Path, why: &str) {
        self.trouble.get_or_insert_with(|| {
            format!("changes in {} are not noticed: {why}", shortened(folder))
        });
    }

    fn report_trouble(&mut self) {
        if self.reported.as_ref() != Some(&self.trouble) {
            self.reported = Some(self.trouble.clone());
            // An error means that nobody needs the reports any more. The loop ends with the watch.
            let _ = self.reports.send(WatchReport::Trouble(self.trouble.clone()));
        }
    }
}

/// The files that were written after this time, in the order of their times. A time in the future shows
/// nothing: it would be a change forever.
fn written_after(since: SystemTime, files: &[PathBuf]) -> impl Iterator<Item = &Path> {
    let now = SystemTime::now();
    let written = |file: &PathBuf| std::fs::metadata(file).ok()?.modified().ok();
    let times = files.iter().filter_map(|file| Some((written(file)?, file.as_path())));
    let mut times: Vec<_> = times.filter(|(at, _)| (since..=now).contains(at)).collect();
    times.sort();
    times.into_iter().map(|(_, file)| file)
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

fn is_absent(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        notify::ErrorKind::PathNotFound => true,
        _ => false,
    }
}

/// Describes why a folder cannot be watched, and what to do.
fn describe(error: &notify::Error) -> String {
    let is_instance_limit = |error: &io::Error| error.raw_os_error() == Some(libc::EMFILE);
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the limit of inotify watches is reached; watch fewer files, or raise the limit with `sudo \
             sysctl fs.inotify.max_user_watches=524288`"
                .to_owned()
        }
        notify::ErrorKind::Io(error) if is_instance_limit(error) => {
            "the limit of inotify instances or of open files is reached; raise the limit with `sudo \
             sysctl fs.inotify.max_user_instances=512` or `ulimit -n`"
                .to_owned()
        }
        notify::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::QUIET;
    use super::*;
    use crate::watch::inputs::WAITING_MAX;
    use notify::event::Flag;

    /// An observer of all files of a folder, without its thread.
    fn observer(root: &Path) -> (Observer, tokio_mpsc::UnboundedReceiver<WatchReport>) {
        let (reports, outgoing) = tokio_mpsc::unbounded_channel();
        let inotify = INotifyWatcher::new(|_| (), notify::Config::default()).unwrap();
        let patterns = Patterns::new(root, &["**".to_owned()]).unwrap();
        (Observer::new(patterns, inotify, reports), outgoing)
    }

    #[test]
    fn lost_notifications_count_as_a_change_and_start_a_new_search() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let lost = || Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        for event in [lost(), Err(notify::Error::generic("overflow"))] {
            let (mut observer, _reports) = observer(root);
            observer.watch_all();
            let new = root.join("new");
            std::fs::create_dir_all(&new).unwrap();
            assert!(!observer.watched.contains(&new));
            observer.handle(event);
            assert!(observer.watched.contains(&new));
            let changed = observer.batch.take(Instant::now() + QUIET).unwrap();
            assert_eq!(changed, ChangedFiles { first: root.to_owned(), count: 1 });
            std::fs::remove_dir(&new).unwrap();
        }
    }

    #[test]
    fn notifications_that_cannot_wait_count_as_a_change_of_anything() {
        let folder = tempfile::tempdir().unwrap();
        let (observer, mut reports) = observer(folder.path());
        let (inputs, queue) = WatchInputs::new();
        let access = || Ok(Event::new(EventKind::Access(AccessKind::Read)));
        (0..=WAITING_MAX).for_each(|_| inputs.send(access()));
        let thread = std::thread::spawn(move || observer.run(&queue, None));
        assert_eq!(reports.blocking_recv(), Some(WatchReport::Trouble(None)));
        let changed = ChangedFiles { first: folder.path().to_owned(), count: 1 };
        assert_eq!(reports.blocking_recv(), Some(WatchReport::Changed(changed)));
        drop(FileWatch { inputs });
        thread.join().unwrap();
    }

    #[test]
    fn trouble_is_reported_once_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (mut observer, mut reports) = observer(folder.path());
        let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
        for _ in 0..2 {
            observer.note(folder.path(), &describe(&limit));
            observer.report_trouble();
        }
        let Ok(WatchReport::Trouble(Some(trouble))) = reports.try_recv() else { panic!("none") };
        assert!(trouble.contains("limit of inotify watches"), "{trouble}");
        assert!(trouble.contains("fs.inotify.max_user_watches"), "{trouble}");
        reports.try_recv().unwrap_err();
        observer.watch_all();
        assert_eq!(reports.try_recv(), Ok(WatchReport::Trouble(None)));
        let instances = notify::Error::io(io::Error::from_raw_os_error(libc::EMFILE));
        assert!(describe(&instances).contains("max_user_instances"));
    }
}
