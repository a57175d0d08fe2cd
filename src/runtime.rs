//! Runtimes of tokio. Where the kernel lacks a resource, a runtime is an error and not a panic.

use crate::process::threads;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use tokio::runtime::{Builder, Runtime};

/// A runtime that cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the runtime: {0}")]
pub struct RuntimeError(#[from] io::Error);

/// Runs a future to its end on a runtime of its own. Tasks that the future has spawned end with it.
///
/// # Errors
/// When the runtime cannot be built.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, RuntimeError> {
    Ok(build(&mut Builder::new_current_thread())?.block_on(future))
}

/// Builds a runtime. tokio panics where it gets no pair of sockets for its signals.
///
/// # Errors
/// When descriptors, threads or memory are missing.
pub fn build(builder: &mut Builder) -> Result<Runtime, RuntimeError> {
    drop(UnixStream::pair()?);
    Ok(without_panic(|| builder.enable_all().build())?)
}

/// Makes a call. Its panic becomes an error with the same message, and is not for the panic hook.
fn without_panic<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let returned = panic::catch_unwind(AssertUnwindSafe(call));
    panic::set_hook(hook);
    returned.unwrap_or_else(|panic| {
        let message = threads::panic_message(&*panic).unwrap_or("a panic without a message");
        Err(io::Error::other(message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_the_runtime_is_built_is_an_error_with_the_message_of_the_panic() {
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
