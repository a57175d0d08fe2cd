//! Creates tokio runtimes. A missing resource is an error, not a panic.

use crate::caught;
use crate::process::threads;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use tokio::runtime::{Builder, Runtime};

/// The error of a runtime that cannot be created.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start the tokio runtime: {0}; end some processes, or raise the limits (`ulimit -u`, \
     `ulimit -n`)"
)]
pub struct RuntimeError(#[from] io::Error);

/// Runs a future on its own runtime until the future completes. Tasks that the future has spawned
/// and that still run are then cancelled.
///
/// # Errors
/// If the runtime cannot be created.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, RuntimeError> {
    Ok(build(&mut Builder::new_current_thread())?.block_on(future))
}

/// Creates a runtime. tokio panics if it cannot create the socket pair for its signals. So this
/// function first creates such a pair as a test.
///
/// # Errors
/// If descriptors, threads or memory are missing.
pub fn build(builder: &mut Builder) -> Result<Runtime, RuntimeError> {
    drop(UnixStream::pair()?);
    Ok(without_panic(|| builder.enable_all().build())?)
}

/// Calls a function, and converts a panic into an error with the same message. The panic hook does
/// not run.
fn without_panic<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let returned = panic::catch_unwind(AssertUnwindSafe(|| caught::quietly(call)));
    returned.unwrap_or_else(|panic| {
        let message = threads::panic_message(&*panic).unwrap_or("a panic without a message");
        Err(io::Error::other(message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_while_the_runtime_is_created_is_an_error_with_its_message() {
        let literal = without_panic::<()>(|| panic!("no pair of sockets")).unwrap_err();
        assert_eq!(literal.to_string(), "no pair of sockets");
        let code = 24;
        let formatted = without_panic::<()>(|| panic!("no timer: os error {code}")).unwrap_err();
        assert_eq!(formatted.to_string(), "no timer: os error 24");
        let other = without_panic::<()>(|| panic::panic_any(code)).unwrap_err();
        assert_eq!(other.to_string(), "a panic without a message");
        assert_eq!(without_panic(|| Ok(code)).unwrap(), code);
    }
}
