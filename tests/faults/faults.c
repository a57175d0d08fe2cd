/* A library that makes the n-th call of one function fail, in hosts only.
 *
 * The variable LD_PRELOAD loads the library. The variable FAULTS_FILE names the file through which the
 * test controls it (`control.rs` has the same layout). A host inherits both variables from the command
 * that starts it, and the next host of a hand-over inherits them from the host. Only a program called
 * `stigmer` that runs as a host opens the file. In every other program, such as the server, the library
 * does nothing.
 *
 * The library sees only calls through the C library. It does not see the raw system calls of the crate
 * rustix: pidfd_open and pidfd_send_signal, the calls that deallocate the beginning of a long log, and
 * the exchange of a lock file. A test with few descriptors makes pidfd_open fail in another way.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The same order as `FUNCTIONS` in control.rs. */
enum function {
    OPEN, WRITE, RENAME, FALLOCATE, FORK, THREAD, EPOLL, SOCKET, FSYNC, MKDIR, LOCK, UNLINK, BIND,
    LISTEN, CONNECT, SYSCALL, PIPE, DUPLICATE, POLL, READ, READLINK, STAT, ACCEPT, INOTIFY, FUNCTIONS
};

struct control {
    uint32_t armed, function, nth, error, times, hits;
    uint32_t calls; /* calls of all functions, whether a fault is armed or not */
    uint32_t counts[FUNCTIONS];
    char file[64]; /* if not empty: only calls on files whose path ends with this text fail */
};

static struct control *control;

static int is_host(void) {
    char exe[4096] = {0}, line[65536] = {0};
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) <= 0) return 0;
    const char *name = strrchr(exe, '/');
    if (!name || strncmp(name, "/stigmer", 8) != 0) return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = syscall(SYS_read, fd, line, sizeof line - 1);
    syscall(SYS_close, fd);
    for (char *word = line; word < line + length; word += strlen(word) + 1)
        if (!strcmp(word, "background-host") || !strcmp(word, "--no-tui")) return 1;
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_FILE");
    if (!path || !is_host()) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped != MAP_FAILED) control = mapped;
}

/* Counts a call. Returns true and sets errno if the call must fail. */
static int fails(enum function which) {
    struct control *it = control;
    if (!it) return 0;
    __atomic_add_fetch(&it->calls, 1, __ATOMIC_RELAXED);
    if (!__atomic_load_n(&it->armed, __ATOMIC_ACQUIRE)) return 0;
    uint32_t n = __atomic_add_fetch(&it->counts[which], 1, __ATOMIC_RELAXED);
    if (which != it->function || !it->nth || n < it->nth || n - it->nth >= it->times) return 0;
    __atomic_add_fetch(&it->hits, 1, __ATOMIC_RELAXED);
    errno = (int)it->error;
    return 1;
}

/* Like `fails`, for a call on the file at this path. */
static int fails_at(enum function which, const char *path) {
    struct control *it = control;
    if (!it || which != it->function || !it->file[0]) return fails(which);
    size_t length = strlen(path), end = strnlen(it->file, sizeof it->file);
    return length >= end && !memcmp(path + length - end, it->file, end) && fails(which);
}

/* Like `fails`, for a call on this descriptor. */
static int fails_on(enum function which, int fd) {
    char link[64], path[4096];
    if (!control || which != control->function || !control->file[0]) return fails(which);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return fails_at(which, path);
}

/* Like `fails_on`, but only for regular files. Other descriptors do not fail like a disk: a wake-up
 * through an eventfd, for example, works on a full disk. */
static int fails_on_file(enum function which, int fd) {
    struct stat it;
    if (!control || syscall(SYS_fstat, fd, &it) != 0 || !S_ISREG(it.st_mode)) return 0;
    return fails_on(which, fd);
}

/* Looks up the function of the C library that this library replaces, once. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define CALL(which, type, name, parameters, arguments)                                             \
    type name parameters {                                                                         \
        REAL(name);                                                                                \
        return fails(which) ? (type)-1 : real arguments;                                           \
    }

#define CALL_AT(which, type, name, parameters, arguments)                                          \
    type name parameters {                                                                         \
        REAL(name);                                                                                \
        return fails_at(which, path) ? (type)-1 : real arguments;                                  \
    }

#define CALL_ON(which, type, name, parameters, arguments)                                          \
    type name parameters {                                                                         \
        REAL(name);                                                                                \
        return fails_on(which, fd) ? (type)-1 : real arguments;                                    \
    }

#define CALL_FILE(which, type, name, parameters, arguments)                                        \
    type name parameters {                                                                         \
        REAL(name);                                                                                \
        return fails_on_file(which, fd) ? (type)-1 : real arguments;                               \
    }

/* For functions that return the error instead of setting errno. */
#define CALL_RETURNS(which, name, parameters, arguments)                                           \
    int name parameters {                                                                          \
        REAL(name);                                                                                \
        return fails(which) ? errno : real arguments;                                              \
    }

#define MODE                                                                                       \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;                      \
    va_end(rest)

int open(const char *path, int flags, ...) {
    REAL(open);
    MODE;
    return fails_at(OPEN, path) ? -1 : real(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    REAL(open64);
    MODE;
    return fails_at(OPEN, path) ? -1 : real(path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) {
    REAL(openat);
    MODE;
    return fails_at(OPEN, path) ? -1 : real(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    REAL(openat64);
    MODE;
    return fails_at(OPEN, path) ? -1 : real(at, path, flags, mode);
}
DIR *opendir(const char *path) {
    REAL(opendir);
    return fails_at(OPEN, path) ? NULL : real(path);
}
CALL_FILE(WRITE, ssize_t, write, (int fd, const void *from, size_t count), (fd, from, count))
CALL_FILE(WRITE, ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count))
CALL_FILE(WRITE, ssize_t, pwrite, (int fd, const void *from, size_t count, off_t at), (fd, from, count, at))
CALL_FILE(WRITE, ssize_t, pwrite64, (int fd, const void *from, size_t count, off64_t at), (fd, from, count, at))
CALL_FILE(WRITE, int, ftruncate64, (int fd, off64_t length), (fd, length))
CALL(RENAME, int, rename, (const char *from, const char *to), (from, to))
CALL(FALLOCATE, int, fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length))
CALL(FALLOCATE, int, fallocate64, (int fd, int mode, off64_t at, off64_t length), (fd, mode, at, length))
CALL(FORK, pid_t, fork, (void), ())
CALL_RETURNS(FORK, posix_spawn,
             (pid_t *restrict pid, const char *restrict path, const posix_spawn_file_actions_t *restrict actions,
              const posix_spawnattr_t *restrict attributes, char *const argv[restrict], char *const envp[restrict]),
             (pid, path, actions, attributes, argv, envp))
CALL_RETURNS(FORK, posix_spawnp,
             (pid_t *restrict pid, const char *restrict path, const posix_spawn_file_actions_t *restrict actions,
              const posix_spawnattr_t *restrict attributes, char *const argv[restrict], char *const envp[restrict]),
             (pid, path, actions, attributes, argv, envp))
CALL_RETURNS(THREAD, pthread_create,
             (pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*run)(void *),
              void *restrict with),
             (thread, attributes, run, with))
CALL(EPOLL, int, epoll_create1, (int flags), (flags))
CALL(EPOLL, int, eventfd, (unsigned begin, int flags), (begin, flags))
CALL(EPOLL, int, epoll_ctl, (int at, int what, int fd, struct epoll_event *event), (at, what, fd, event))
CALL(SOCKET, int, socket, (int family, int type, int protocol), (family, type, protocol))
CALL(SOCKET, int, socketpair, (int family, int type, int protocol, int pair[2]), (family, type, protocol, pair))
CALL(FSYNC, int, fsync, (int fd), (fd))
CALL(FSYNC, int, fdatasync, (int fd), (fd))
CALL(MKDIR, int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(MKDIR, int, chmod, (const char *path, mode_t mode), (path, mode))
CALL_ON(LOCK, int, flock, (int fd, int what), (fd, what))
CALL(UNLINK, int, unlink, (const char *path), (path))
CALL(BIND, int, bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
CALL(LISTEN, int, listen, (int fd, int backlog), (fd, backlog))
CALL(CONNECT, int, connect, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
CALL(PIPE, int, pipe2, (int pair[2], int flags), (pair, flags))
CALL(DUPLICATE, int, dup, (int fd), (fd))
CALL(DUPLICATE, int, dup2, (int fd, int to), (fd, to))
CALL(POLL, int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
CALL_FILE(READ, ssize_t, read, (int fd, void *to, size_t count), (fd, to, count))
CALL_FILE(READ, ssize_t, pread64, (int fd, void *to, size_t count, off64_t at), (fd, to, count, at))
CALL_AT(READLINK, ssize_t, readlink, (const char *path, char *to, size_t size), (path, to, size))
CALL_AT(STAT, int, stat64, (const char *path, struct stat64 *to), (path, to))
CALL_AT(STAT, int, lstat64, (const char *path, struct stat64 *to), (path, to))
CALL(STAT, int, fstat64, (int fd, struct stat64 *to), (fd, to))
CALL_AT(STAT, int, statx, (int at, const char *restrict path, int flags, unsigned mask, struct statx *restrict to),
     (at, path, flags, mask, to))
CALL(ACCEPT, int, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags),
     (fd, address, length, flags))
CALL(INOTIFY, int, inotify_init1, (int flags), (flags))
CALL(INOTIFY, int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))

int fcntl(int fd, int what, ...) {
    REAL(fcntl);
    va_list rest;
    va_start(rest, what);
    void *with = va_arg(rest, void *);
    va_end(rest);
    if (what == F_DUPFD_CLOEXEC && fails(DUPLICATE)) return -1;
    return real(fd, what, with);
}
int fcntl64(int fd, int what, ...) {
    REAL(fcntl64);
    va_list rest;
    va_start(rest, what);
    void *with = va_arg(rest, void *);
    va_end(rest);
    if (what == F_DUPFD_CLOEXEC && fails(DUPLICATE)) return -1;
    return real(fd, what, with);
}
long syscall(long number, ...) {
    REAL(syscall);
    va_list rest;
    va_start(rest, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
    va_end(rest);
    /* Only these calls may fail. The kernel never refuses others, such as futex. */
    int refused = number == SYS_pidfd_open || number == SYS_pidfd_send_signal || number == SYS_close_range;
    if (refused && fails(SYSCALL)) return -1;
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
