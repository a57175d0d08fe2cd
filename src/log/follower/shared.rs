//! Runs the steps of a reader. A step that cannot block runs on the calling thread. Any other step
//! runs on a thread of [`look`].
//!
//! A read from an open file of a local file system does not block. An access to a path may block,
//! because the path may lead to a file system that does not respond. A read from an open file of a
//! network or FUSE file system may block too.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::reader::{Access, Next, Reader, Step};
use super::watch::{Attach, AttachedWatch};
use super::{Batch, StartAt};
use crate::process::look;
use crate::process::threads::LOOKS;

/// Time limit of a step. A file system that exceeds the limit counts as one that does not respond.
const BOUND: Duration = Duration::from_secs(3);

/// A reader that the caller and one other thread share.
#[derive(Debug)]
pub(super) struct SharedReader {
    path: PathBuf,
    shared: Arc<Shared>,
    /// Whether [`Self::step_blocking`] may wait for seconds.
    is_patient: bool,
}

#[derive(Debug)]
struct Shared {
    /// The reader and its last result. While `turns` (the number of steps on other threads) is
    /// above zero, a thread may keep this mutex locked for hours.
    slot: Mutex<ReaderSlot>,
    turns: AtomicUsize,
    /// Notified when a step on another thread has ended.
    ended: Notify,
}

#[derive(Debug)]
struct ReaderSlot {
    reader: Reader,
    /// The result of a step on another thread, until a caller takes the result. The caller that
    /// began the step may not wait any more.
    result: Option<io::Result<Done>>,
}

/// The result of a step, and the inotify watches that were added before the step.
#[derive(Debug)]
pub(super) struct Done {
    pub step: Step,
    pub attached: Option<AttachedWatch>,
}

impl ReaderSlot {
    /// Takes the result of a step that began before this call. The file may have grown since that
    /// step. So the result [`Next::Wait`] becomes [`Next::Read`].
    fn take_earlier(&mut self) -> Option<io::Result<Done>> {
        let mut result = self.result.take()?;
        if let Ok(done) = &mut result
            && done.step.next == Next::Wait
        {
            done.step.next = Next::Read;
        }
        Some(result)
    }

    fn work(
        &mut self,
        attach: Option<&Attach>,
        suspicious: bool,
        access: Access,
    ) -> io::Result<Done> {
        let attached = attach.map(|attach| attach.run(self.reader.file()));
        Ok(Done { step: self.reader.step(suspicious, access)?, attached })
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, ReaderSlot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_busy(&self) -> bool {
        self.turns.load(Ordering::Acquire) > 0
    }
}

/// One step on another thread. The value exists from the request until the end of the step.
struct Turn(Arc<Shared>);

impl Turn {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.turns.fetch_add(1, Ordering::AcqRel);
        Self(shared.clone())
    }

    fn work(self, attach: Option<&Attach>, suspicious: bool) {
        let shared = self.0.clone();
        let mut slot = shared.slot();
        let earlier = slot.take_earlier();
        slot.result = earlier.or_else(|| Some(slot.work(attach, suspicious, Access::Path)));
        // This value must be dropped before the mutex is unlocked, because another step may begin
        // then.
        drop(self);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_one();
    }
}

impl SharedReader {
    pub(super) fn new(path: &Path, start: StartAt) -> Self {
        let slot = Mutex::new(ReaderSlot { reader: Reader::new(path, start), result: None });
        let shared = Shared { slot, turns: AtomicUsize::new(0), ended: Notify::new() };
        Self { path: path.to_owned(), shared: Arc::new(shared), is_patient: false }
    }

    /// Makes [`Self::step_blocking`] wait up to 3 s. The step then runs on another set of threads
    /// than the steps of a host.
    pub(super) fn be_patient(&mut self) {
        self.is_patient = true;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The reader, or `None` while another thread uses the reader.
    fn idle(&self) -> Option<MutexGuard<'_, ReaderSlot>> {
        (!self.shared.is_busy()).then(|| self.shared.slot())
    }

    /// The number of the open file, counted by [`Reader`]. `None` if no file is open, or while
    /// another thread uses the reader.
    pub(super) fn opened(&self) -> Option<u64> {
        self.idle()?.reader.file().map(|(_, opened)| opened)
    }

    pub(super) fn line_begin(&self) -> Option<u64> {
        Some(self.idle()?.reader.line_begin())
    }

    /// Adds a last line without a line end to `batch`. Does nothing while another thread uses the
    /// reader.
    pub(super) fn finish(&self, batch: &mut Batch) {
        if let Some(mut slot) = self.idle() {
            slot.reader.finish(batch);
        }
    }

    /// Takes one step. Cancel-safe: a step on another thread continues, and the next call returns
    /// its result.
    ///
    /// # Errors
    /// `TimedOut` if the file system does not respond, or the error of the step.
    pub(super) async fn step(&self, attach: Option<Attach>, suspicious: bool) -> io::Result<Done> {
        if let Some(done) = self.step_here(attach.as_ref(), suspicious) {
            return done;
        }
        let began_earlier = self.shared.is_busy();
        if !began_earlier {
            let turn = Turn::new(&self.shared);
            look::begin(BOUND, &self.path, move |_| turn.work(attach.as_ref(), suspicious))?;
        }
        let ended = async {
            loop {
                let take = |mut slot: MutexGuard<'_, ReaderSlot>| match began_earlier {
                    true => slot.take_earlier(),
                    false => slot.result.take(),
                };
                match self.idle().map(take) {
                    Some(Some(result)) => return result,
                    Some(None) => {
                        return Err(io::Error::other(
                            "the thread that reads the log returned no result",
                        ));
                    }
                    None => self.shared.ended.notified().await,
                }
            }
        };
        tokio::time::timeout(BOUND, ended).await.unwrap_or_else(|_| Err(look::silent()))
    }

    /// Like [`Self::step`], but needs no runtime. Waits up to 500 ms for the thread, or up to 3 s
    /// after [`Self::be_patient`].
    ///
    /// # Errors
    /// See [`Self::step`].
    pub(super) fn step_blocking(&self, suspicious: bool) -> io::Result<Step> {
        if let Some(done) = self.step_here(None, suspicious) {
            return done.map(|done| done.step);
        }
        let turn = Turn::new(&self.shared);
        let work = move |_: &Path| {
            turn.work(None, suspicious);
            Ok(())
        };
        match self.is_patient {
            true => look::bounded(&self.path, work)?,
            false => look::promptly(&self.path, work)?,
        }
        // If another step begins before this line, the step finds this result and does not replace
        // it.
        let result = self.shared.slot().result.take();
        result.unwrap_or_else(|| Err(look::silent())).map(|done| done.step)
    }

    /// Takes a step on the calling thread. `None` if the step may block.
    fn step_here(&self, attach: Option<&Attach>, suspicious: bool) -> Option<io::Result<Done>> {
        let mut slot = self.idle()?;
        if let Some(result) = slot.take_earlier() {
            return Some(result);
        }
        if slot.reader.is_remote() || attach.is_some_and(Attach::needs_path) {
            return None;
        }
        let done = slot.work(attach, suspicious, Access::OpenFile);
        let needs_path = done.as_ref().is_ok_and(|done| done.step.next == Next::LookAtPath);
        (!needs_path).then_some(done)
    }
}

impl Drop for SharedReader {
    fn drop(&mut self) {
        // Closing a file on a network or FUSE file system may block, so another thread closes the
        // file.
        let file = self.idle().and_then(|mut slot| slot.reader.take_remote_file());
        if let Some(file) = file {
            // If no thread is free, the calling thread closes the file.
            let _ = LOOKS.post(BOUND, move || drop(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::follower::Follower;
    use std::sync::mpsc::{self, Sender};

    fn reader_of(text: &str) -> (tempfile::TempDir, SharedReader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.log");
        std::fs::write(&path, text).unwrap();
        (folder, SharedReader::new(&path, StartAt::Beginning))
    }

    /// Lets another thread use the reader until the returned sender is dropped.
    fn block(reader: &SharedReader) -> Sender<()> {
        let turn = Turn::new(&reader.shared);
        let (release, released) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        std::thread::spawn(move || {
            let _slot = turn.0.slot();
            begin.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        release
    }

    fn lines(done: &Step) -> Vec<&[u8]> {
        done.batch.lines().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn step_that_blocks_is_an_error_until_it_ends_and_loses_no_line() {
        let (_folder, reader) = reader_of("one\n");
        let release = block(&reader);
        for _ in 0..3 {
            assert!(look::is_silence(&reader.step(None, false).await.unwrap_err()));
            assert!(look::is_silence(&reader.step_blocking(false).unwrap_err()));
        }
        assert_eq!((reader.opened(), reader.line_begin()), (None, None));
        drop(release);
        // The test has a paused clock, which does not wait for the other thread. So a step may
        // still time out.
        let done = loop {
            if let Ok(done) = reader.step(None, false).await {
                break done;
            }
        };
        assert_eq!(lines(&done.step), [b"one"]);
    }

    #[tokio::test]
    async fn remote_file_is_read_by_a_thread_and_a_cancelled_step_loses_no_line() {
        let (_folder, reader) = reader_of("one\n");
        reader.shared.slot().reader.assume_remote();
        assert!(reader.step_here(None, false).is_none());
        // Runs a step whose caller no longer waits for the result.
        Turn::new(&reader.shared).work(None, false);
        assert_eq!(lines(&reader.step(None, false).await.unwrap().step), [b"one"]);
        assert_eq!(reader.step(None, false).await.unwrap().step.next, Next::Wait);
        assert_eq!(reader.step_blocking(false).unwrap().next, Next::Wait);
    }

    #[test]
    fn end_that_an_earlier_step_saw_is_not_the_end_now() {
        let (folder, reader) = reader_of("");
        let mut follower = Follower::of(reader);
        // Runs a step whose caller no longer waits for the result.
        Turn::new(&follower.reader.shared).work(None, true);
        std::fs::write(folder.path().join("temporal.log"), "last words\n").unwrap();
        let mut read = Vec::new();
        follower.drain(|batch| read.extend(batch.lines().map(<[u8]>::to_vec))).unwrap();
        assert_eq!(read, [b"last words"]);
    }

    #[tokio::test]
    async fn local_file_is_read_without_a_thread() {
        let (_folder, reader) = reader_of("one\n");
        let done = reader.step_here(None, false).unwrap().unwrap();
        assert_eq!(lines(&done.step), [b"one"]);
        assert_eq!(reader.step_here(None, false).unwrap().unwrap().step.next, Next::Wait);
        assert!(reader.step_here(None, true).is_none(), "looks at the path");
    }
}
