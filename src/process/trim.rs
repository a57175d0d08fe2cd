//! Saves memory of an idle host: unmaps pages that only the start of a process needs, and uses one
//! heap for all threads.

use std::ffi::{c_int, c_void};

/// Unmaps the code and constants of the program and its libraries. The kernel maps a page again
/// when it is used. Most pages are needed only at the start of a host: for the command line, the
/// options and the logging. The kernel maps 16 pages around each page that is used, so an idle host
/// has three quarters of the unmapped pages again afterwards.
pub fn unmap_code() {
    // SAFETY: the callback has the arguments that the C library documents.
    unsafe {
        libc::dl_iterate_phdr(Some(unmap_object), std::ptr::null_mut());
    }
}

/// Unmaps the read-only segments of one object: the program or a library.
unsafe extern "C" fn unmap_object(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the C library passes a valid object with its table of segments.
    let (object, segments) = unsafe {
        let object = &*object;
        (object, std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)))
    };
    let page = usize::try_from(procfs::page_size()).unwrap_or(4096);
    let read_only = segments
        .iter()
        .filter(|segment| segment.p_type == libc::PT_LOAD && segment.p_flags & libc::PF_W == 0);
    for segment in read_only {
        let (Ok(address), Ok(length)) =
            (usize::try_from(object.dlpi_addr + segment.p_vaddr), usize::try_from(segment.p_memsz))
        else {
            continue;
        };
        // Only pages that are completely inside the segment are unmapped, because its first and
        // last page may also belong to another segment.
        let begin = address.next_multiple_of(page);
        let end = (address + length) / page * page;
        if begin < end {
            // SAFETY: the pages are mapped from a file and were never written, so the kernel reads
            // the same bytes from that file when they are used again.
            unsafe {
                libc::madvise(begin as *mut c_void, end - begin, libc::MADV_DONTNEED);
            }
        }
    }
    0
}

/// Lets all threads allocate from one heap. By default glibc creates a heap for each thread, which
/// takes several system calls, 128 MiB of address space and some pages. Must be called before the
/// process has a second thread.
pub fn share_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` takes two plain numbers, and no other thread allocates at the same time. If
    // the call fails, the default stays.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resident memory of this process that is mapped from files, in KiB.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    #[test]
    fn unmapped_code_still_works() {
        // Other tests run at the same time and map their code again, so one call may not show an
        // effect.
        let is_less = || {
            let before = resident();
            unmap_code();
            resident() < before
        };
        assert!((0..1000).any(|_| is_less()));
        assert_eq!(crate::harmless::quote("still here"), "still here");
    }
}
