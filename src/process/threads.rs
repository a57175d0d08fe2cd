//! Threads for blocking work. Some threads are created in advance: at the limit of processes the
//! system creates no new thread, but a host must still be able to end and start processes of a
//! server.
//!
//! A lane is a set of threads with a queue of jobs. There are several lanes, so that a start or an
//! end of processes never waits for a read that hangs. [`REPAIRS`] ends and starts processes. The
//! other lanes read data of other processes or of other file systems, where a dead mount can block
//! a thread for hours.
//!
//! Every call has a time limit. A job that exceeds its limit is abandoned: its thread stays
//! blocked, and the lane creates another thread if the system allows it. A job that no thread has
//! started within its limit never starts. A job must not call its own lane and wait for the result.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Ends and starts processes of the server. Two threads always exist: one for a search of processes
/// that must end, and one for a kill.
pub static REPAIRS: Lane = Lane::new("repair", 2, 16);

/// Runs reads that may hang, because these reads access other processes or other file systems.
pub static LOOKS: Lane = Lane::new("look", 1, 8);

/// Reads the memory of other processes for jobs of the other lanes; see [`super::memory`]. This
/// lane has no permanent thread. If no thread can be created, the memory is read on the calling
/// thread.
pub(super) static READS: Lane = Lane::new("read", 0, 8);

/// Accesses paths of the user; see [`super::look`]. Like [`READS`], this lane has no permanent
/// thread.
pub(super) static PATHS: Lane = Lane::new("path", 0, 8);

/// Time without work after which a thread ends, unless it is one of the permanent threads.
const IDLE: Duration = Duration::from_secs(10);

/// Stack size of a thread in bytes. Only the used part of the stack needs memory.
const STACK: usize = 1 << 20;

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The job exceeded its time limit and was abandoned.
    #[error("the operation did not finish within {0:?}")]
    Overdue(Duration),
    /// No thread can run the job: the system creates none, or the lane has reached its maximum.
    #[error("no thread is free ({abandoned} threads are blocked in earlier operations): {source}")]
    NoThread {
        /// Number of threads that still run an abandoned job.
        abandoned: usize,
        /// The reason why no other thread was created.
        source: io::Error,
    },
    /// The job panicked.
    #[error("the operation panicked")]
    Panicked(Box<dyn Any + Send>),
}

type Ticket = u64;

/// A job in the queue.
struct Queued {
    ticket: Ticket,
    work: Box<dyn FnOnce() + Send>,
    /// Time limit of a job that no caller waits for, from the start of the job. `None` if a caller
    /// waits for the job.
    unattended: Option<Duration>,
}

/// A set of threads with one queue.
pub struct Lane {
    name: &'static str,
    /// Number of threads that exist all the time.
    permanent: usize,
    /// Maximum number of threads, including blocked ones.
    most: usize,
    state: Mutex<LaneState>,
    work: Condvar,
}

struct LaneState {
    queue: VecDeque<Queued>,
    /// Running jobs with a caller that still waits.
    running: Vec<Ticket>,
    /// Running jobs with no caller that waits, each with the end of its time limit.
    abandoned: Vec<(Ticket, Instant)>,
    threads: usize,
    next: Ticket,
}

impl LaneState {
    /// Number of threads without a job, including threads that are about to take a job from the
    /// queue.
    fn free(&self) -> usize {
        self.threads - self.running.len() - self.abandoned.len()
    }
}

/// A job that a caller waits for. When this value is dropped, the job is abandoned, unless it has
/// finished.
pub(super) struct PendingJob {
    lane: &'static Lane,
    ticket: Ticket,
    due: Instant,
}

impl Drop for PendingJob {
    fn drop(&mut self) {
        self.lane.abandon(self.ticket, self.due);
    }
}

/// The text of a caught panic. `None` if the panic has no text.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
}

/// Creates the permanent threads of all lanes. A later call creates the threads that are missing.
///
/// # Errors
/// If the system creates no thread, for example at the limit of processes.
pub fn start() -> io::Result<()> {
    REPAIRS.start()?;
    LOOKS.start()
}

/// Creates `count` threads at the same time and ends them. Some libraries panic if the system
/// creates no thread. A caller of this function gets an error before it uses such a library.
///
/// # Errors
/// If the system creates fewer threads.
pub fn try_create(count: usize) -> io::Result<()> {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    std::thread::scope(|scope| {
        // Each thread waits until all threads exist, so that they exist at the same time.
        let created = (0..count).try_for_each(|_| {
            let wait = || {
                let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = ended.recv();
            };
            Builder::new().stack_size(STACK).spawn_scoped(scope, wait).map(drop)
        });
        drop(end);
        created
    })
}

impl Lane {
    pub(super) const fn new(name: &'static str, permanent: usize, most: usize) -> Self {
        let state = LaneState {
            queue: VecDeque::new(),
            running: Vec::new(),
            abandoned: Vec::new(),
            threads: 0,
            next: 0,
        };
        Self { name, permanent, most, state: Mutex::new(state), work: Condvar::new() }
    }

    fn start(&'static self) -> io::Result<()> {
        let mut state = self.state();
        while state.threads < self.permanent {
            self.create_thread(&mut state)?;
        }
        Ok(())
    }

    /// Number of threads that are blocked by a job that has exceeded its time limit. A job that was
    /// abandoned before its limit does not count, because it may still end in time.
    #[must_use]
    pub fn blocked(&self) -> usize {
        let now = Instant::now();
        self.state().abandoned.iter().filter(|(_, due)| now >= *due).count()
    }

    /// Runs `job` on a thread and waits up to `bound` for its result. If the future is dropped
    /// before, the job is abandoned too.
    ///
    /// # Errors
    /// See [`Unfinished`].
    pub async fn run<T: Send + 'static>(
        &'static self,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (send, result) = tokio::sync::oneshot::channel();
        let _waiting = self.submit(bound, job, move |done| {
            // The caller may have abandoned the job.
            let _ = send.send(done);
        })?;
        match tokio::time::timeout(bound, result).await {
            Ok(Ok(done)) => done.map_err(Unfinished::Panicked),
            // The sender is dropped without a result only if the job was abandoned.
            Ok(Err(_)) | Err(_) => Err(Unfinished::Overdue(bound)),
        }
    }

    /// Like [`Lane::run`], for code that is not async. Blocks the calling thread.
    ///
    /// # Errors
    /// See [`Unfinished`].
    pub fn run_blocking<T: Send + 'static>(
        &'static self,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let (send, result) = mpsc::sync_channel(1);
        let _waiting = self.submit(bound, job, move |done| {
            // The caller may have abandoned the job.
            let _ = send.send(done);
        })?;
        match result.recv_timeout(bound) {
            Ok(done) => done.map_err(Unfinished::Panicked),
            Err(_) => Err(Unfinished::Overdue(bound)),
        }
    }

    /// Runs `job` on a thread without waiting for it. If the job still runs after the time `bound`,
    /// its thread counts as blocked.
    ///
    /// # Errors
    /// [`Unfinished::NoThread`].
    pub fn post(
        &'static self,
        bound: Duration,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), Unfinished> {
        self.queue(Some(bound), job, drop).map(drop)
    }

    pub(super) fn submit<T: Send + 'static>(
        &'static self,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(std::thread::Result<T>) + Send + 'static,
    ) -> Result<PendingJob, Unfinished> {
        let ticket = self.queue(None, job, deliver)?;
        Ok(PendingJob { lane: self, ticket, due: Instant::now() + bound })
    }

    fn queue<T: Send + 'static>(
        &'static self,
        unattended: Option<Duration>,
        job: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(std::thread::Result<T>) + Send + 'static,
    ) -> Result<Ticket, Unfinished> {
        let mut state = self.state();
        if state.free() <= state.queue.len()
            && let Err(source) = self.create_thread(&mut state)
            && state.threads == state.abandoned.len()
        {
            return Err(Unfinished::NoThread { abandoned: state.threads, source });
        }
        let ticket = state.next;
        state.next += 1;
        let work = move || {
            let done = catch_unwind(AssertUnwindSafe(job));
            if self.finish(ticket) {
                deliver(done);
            } else {
                // The destructor of a late result may be slow, so the thread counts as blocked
                // until the destructor has returned. The destructor may also panic.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(done)));
                self.state().abandoned.retain(|(abandoned, _)| *abandoned != ticket);
            }
        };
        state.queue.push_back(Queued { ticket, work: Box::new(work), unattended });
        drop(state);
        self.work.notify_one();
        Ok(ticket)
    }

    fn abandon(&'static self, ticket: Ticket, due: Instant) {
        let mut state = self.state();
        if let Some(at) = state.queue.iter().position(|queued| queued.ticket == ticket) {
            let unstarted = state.queue.remove(at);
            drop(state);
            // The job is dropped after the unlock, because its values may have slow destructors.
            drop(unstarted);
            return;
        }
        let Some(at) = state.running.iter().position(|running| *running == ticket) else { return };
        state.running.swap_remove(at);
        state.abandoned.push((ticket, due));
        if state.threads - state.abandoned.len() < self.permanent {
            // If the system creates no thread now, the next job tries again.
            let _ = self.create_thread(&mut state);
        }
        let abandoned = state.abandoned.len();
        drop(state);
        tracing::debug!(
            lane = self.name,
            abandoned,
            "a job exceeded its time limit and was abandoned"
        );
    }

    /// Marks a job as finished. Returns whether a caller still waits for its result.
    fn finish(&self, ticket: Ticket) -> bool {
        let mut state = self.state();
        let at = state.running.iter().position(|running| *running == ticket);
        at.map(|at| state.running.swap_remove(at)).is_some()
    }

    fn create_thread(&'static self, state: &mut LaneState) -> io::Result<()> {
        if state.threads >= self.most {
            return Err(io::Error::other(format!("all {} threads are in use", self.most)));
        }
        let thread = Builder::new().name(self.name.to_owned()).stack_size(STACK);
        thread.spawn(move || self.serve())?;
        state.threads += 1;
        Ok(())
    }

    fn serve(&'static self) {
        let mut state = self.state();
        loop {
            if let Some(Queued { ticket, work, unattended }) = state.queue.pop_front() {
                match unattended {
                    Some(bound) => state.abandoned.push((ticket, Instant::now() + bound)),
                    None => state.running.push(ticket),
                }
                drop(state);
                work();
                state = self.state();
                continue;
            }
            if state.threads - state.abandoned.len() <= self.permanent {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.work.wait_timeout(state, IDLE);
            let timed_out;
            (state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            let spare = state.threads - state.abandoned.len() > self.permanent;
            if timed_out.timed_out() && spare && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, LaneState> {
        // No job runs while the state is locked, so the panic of a job cannot leave the state
        // inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests;
