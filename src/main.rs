//! Parses the command line, runs it, exits with its code.

fn main() {
    stigmer::signals::reset_inherited();
    stigmer::process::trim::share_heap();
    // First of all: a process with threads cannot be copied.
    stigmer::watchdog::fork(std::env::args_os());
    let code = stigmer::cli::main();
    stigmer::watchdog::end();
    std::process::exit(code);
}
