//! The entry point: runs the command and exits with its code.

fn main() {
    stigmer::signals::reset_inherited();
    stigmer::process::trim::share_heap();
    // The forks must precede the first thread: a process with threads cannot be forked safely.
    stigmer::terminal_guard::fork(std::env::args_os());
    stigmer::watchdog::fork(std::env::args_os());
    let code = stigmer::cli::main();
    stigmer::log::own::flush();
    stigmer::terminal_guard::end();
    stigmer::watchdog::end();
    std::process::exit(code);
}
