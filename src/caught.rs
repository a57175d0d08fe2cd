//! Runs code whose panics are converted into errors. The panic hook does not run for these panics.

use std::cell::Cell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs code of [`quietly`], whose caller catches a panic. If so, a panic hook
/// must do nothing.
pub(crate) fn is_caught() -> bool {
    IS_CAUGHT.get()
}

/// Runs code whose panic the caller catches. The panic hook does not run for this panic. It still
/// runs for the panics of other threads.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> T {
    /// Restores the value of `IS_CAUGHT`, also if the code panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_CAUGHT.set(self.0);
        }
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |panic| {
            if !is_caught() {
                hook(panic);
            }
        }));
    });
    let _restore = Restore(IS_CAUGHT.replace(true));
    run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    #[test]
    fn hook_gets_the_panics_of_other_threads_and_not_the_caught_one() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (before, sees) = (take_hook(), seen.clone());
        set_hook(Box::new(move |panic| {
            sees.lock().unwrap().push((is_caught(), panic.to_string()));
            before(panic);
        }));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            quietly(|| {
                let other = std::thread::spawn(|| panic!("of another thread"));
                assert!(other.join().is_err());
                panic!("a caught panic");
            })
        }));
        assert!(caught.is_err() && !is_caught());
        // The list is copied so that its lock is free below. If an assertion fails, the panic hook
        // takes that lock.
        let seen = seen.lock().unwrap().clone();
        let of = |what: &str| seen.iter().find(|(_, said)| said.contains(what)).map(|it| it.0);
        assert_eq!(of("of another thread"), Some(false));
        assert_ne!(of("a caught panic"), Some(false));
    }
}
