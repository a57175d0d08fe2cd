//! The entry point: runs the command and exits with its code.

fn main() {
    stigmer::signals::reset_inherited();
    stigmer::process::trim::share_heap();
    // The fork must precede the first thread: a process with threads cannot be forked safely.
    stigmer::watchdog::fork(std::env::args_os());
    let code = stigmer::cli::main();
    stigmer::log::own::flush();
    stigmer::watchdog::end();
    std::process::exit(code);
}
