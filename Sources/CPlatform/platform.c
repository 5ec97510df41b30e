#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>
#if defined(__linux__)
#include <stdio.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#elif defined(__APPLE__)
#include <libproc.h>
#include <sys/ptrace.h>
#include <sys/ucred.h>
#endif

int blaze_peer_credentials(int fd, struct blaze_peer *out) {
#if defined(__linux__)
    struct ucred c;
    socklen_t n = sizeof c;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0) return -1;
    out->pid = c.pid;
    out->uid = c.uid;
    out->gid = c.gid;
    return 0;
#else
    struct xucred c;
    socklen_t n = sizeof c;
    if (getsockopt(fd, 0 /* SOL_LOCAL */, LOCAL_PEERCRED, &c, &n) != 0) return -1;
    out->uid = c.cr_uid;
    out->gid = c.cr_ngroups > 0 ? c.cr_groups[0] : (gid_t)-1;
    pid_t pid = 0;
    n = sizeof pid;
    if (getsockopt(fd, 0, LOCAL_PEERPID, &pid, &n) != 0) return -1;
    out->pid = pid;
    return 0;
#endif
}

size_t blaze_unix_path_limit(void) { return sizeof(((struct sockaddr_un *)0)->sun_path) - 1; }

static int stream_socket(void) {
#if defined(__linux__)
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    int on = 1;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return fd;
#endif
}

static int fill_address(struct sockaddr_un *a, const char *path) {
    size_t n = strlen(path);
    if (n == 0 || n > blaze_unix_path_limit()) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, path, n);
    return 0;
}

static int close_keeping_errno(int fd) {
    int e = errno;
    (void)close(fd);
    errno = e;
    return -1;
}

int blaze_unix_listen(const char *path, int backlog) {
    struct sockaddr_un a;
    if (fill_address(&a, path) != 0) return -1;
    int fd = stream_socket();
    if (fd < 0) return -1;
    // The socket lies in a directory of mode 0700; its own mode is a second lock on the same door.
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0) return close_keeping_errno(fd);
    if (chmod(path, 0600) != 0) return close_keeping_errno(fd);
    if (listen(fd, backlog) != 0) return close_keeping_errno(fd);
    // A client may be gone between poll and accept; accept must not wait for the next one then.
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return close_keeping_errno(fd);
    return fd;
}

int blaze_unix_connect(const char *path, int timeout_ms) {
    struct sockaddr_un a;
    if (fill_address(&a, path) != 0) return -1;
    int fd = stream_socket();
    if (fd < 0) return -1;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return close_keeping_errno(fd);
    int left = timeout_ms;
    while (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        if (errno == EINTR) continue;
        if (errno == EISCONN) break;
        // EAGAIN: the listener's backlog is full. Nothing to poll for, so look again shortly.
        if (errno == EAGAIN && left > 0) {
            int step = left < 10 ? left : 10;
            (void)poll(NULL, 0, step);
            left -= step;
            continue;
        }
        if (errno == EAGAIN) {
            errno = ETIMEDOUT;
            return close_keeping_errno(fd);
        }
        if (errno != EINPROGRESS) return close_keeping_errno(fd);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int n = poll(&p, 1, left);
        if (n == 0) {
            errno = ETIMEDOUT;
            return close_keeping_errno(fd);
        }
        int e = 0;
        socklen_t size = sizeof e;
        if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) != 0) return close_keeping_errno(fd);
        if (e != 0) {
            errno = e;
            return close_keeping_errno(fd);
        }
        break;
    }
    if (fcntl(fd, F_SETFL, flags) != 0) return close_keeping_errno(fd);
    return fd;
}

int blaze_accept(int fd) {
#if defined(__linux__)
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
#else
    int c = accept(fd, NULL, NULL);
    if (c < 0) return -1;
    int on = 1;
    (void)fcntl(c, F_SETFD, FD_CLOEXEC);
    (void)fcntl(c, F_SETFL, fcntl(c, F_GETFL) & ~O_NONBLOCK);
    (void)setsockopt(c, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return c;
#endif
}

ssize_t blaze_send(int fd, const void *bytes, size_t count) {
#if defined(__linux__)
    return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
#else
    return send(fd, bytes, count, MSG_DONTWAIT);
#endif
}

int blaze_dont_wait(void) { return MSG_DONTWAIT; }

int blaze_pipe(int fds[2]) {
#if defined(__linux__)
    return pipe2(fds, O_CLOEXEC);
#else
    if (pipe(fds) != 0) return -1;
    (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    return 0;
#endif
}

int blaze_open_for_reading(const char *path) {
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
#if defined(__linux__)
    int fd = open(path, flags | O_NOATIME);
    // Only a file's owner may ask for O_NOATIME.
    if (fd >= 0 || errno != EPERM) return fd;
#endif
    return open(path, flags);
}

int blaze_open_for_writing(const char *path) {
    return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

int blaze_sync_file(int fd) {
    int result;
    do {
#if defined(F_FULLFSYNC)
        // macOS: fsync leaves the data in the drive's cache. Not every file system knows the other call.
        result = fcntl(fd, F_FULLFSYNC);
        if (result != 0 && (errno == ENOTSUP || errno == EINVAL || errno == ENOTTY)) result = fsync(fd);
#else
        result = fsync(fd);
#endif
    } while (result != 0 && errno == EINTR);
    return result;
}

int blaze_clone_file(int to, int from) {
#if defined(FICLONE)
    return ioctl(to, FICLONE, from);
#else
    (void)to;
    (void)from;
    return -1;
#endif
}

void blaze_start_writing(int fd, int64_t offset, int64_t count) {
#if defined(__linux__)
    // Only a hint: what goes wrong is told by the sync that follows.
    (void)sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)fd, (void)offset, (void)count;
#endif
}

int64_t blaze_seek_data(int fd, int64_t offset) {
#if defined(SEEK_DATA)
    off_t at = lseek(fd, (off_t)offset, SEEK_DATA);
    if (at >= 0) return (int64_t)at;
    if (errno == EINVAL || errno == ENOTSUP) return offset;
    return -1;
#else
    (void)fd;
    return offset;
#endif
}

uint64_t blaze_device_major(uint64_t device) { return major((dev_t)device); }
uint64_t blaze_device_minor(uint64_t device) { return minor((dev_t)device); }

int blaze_is_shared_file_system(const char *path) {
#if defined(__linux__)
    // The numbers of statfs(2); not all of them are in a header of every system.
    static const uint32_t shared[] = {
        0x6969 /* nfs */,        0x517B /* smb */,      0xFF534D42 /* cifs */, 0xFE534D42 /* smb2 */,
        0x65735546 /* fuse */,   0x01021997 /* 9p */,   0x00C36400 /* ceph */, 0x5346414F /* afs */,
        0x6B414653 /* kafs */,   0x73757245 /* coda */, 0x0BD00BD0 /* lustre */, 0x01161970 /* gfs2 */,
        0x7461636F /* ocfs2 */,  0x786F4256 /* vboxsf */, 0x47504653 /* gpfs */, 0x19830326 /* beegfs */,
        0x20030528 /* orangefs */, 0xBACBACBC /* vmhgfs */, 0x7C7C6673 /* prl_fs */, 0xAAD7AAEA /* panfs */,
    };
    struct statfs s;
    if (statfs(path, &s) != 0) return -1;
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        if ((uint32_t)s.f_type == shared[i]) return 1;
    return 0;
#else
    (void)path;
    return -1;
#endif
}

int blaze_hides_its_device(const char *path) {
#if defined(__linux__)
    struct statfs s;
    if (statfs(path, &s) != 0) return -1;
    uint32_t type = (uint32_t)s.f_type;
    return type == 0x9123683E /* btrfs */ || type == 0x794C7630 /* overlayfs */ || type == 0xCA451A4E /* bcachefs */;
#else
    (void)path;
    return 0;
#endif
}

int blaze_open_unnamed(const char *directory) {
#if defined(O_TMPFILE)
    return open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
#else
    (void)directory;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

int blaze_name_file(int fd, const char *path) {
#if defined(__linux__)
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
#else
    (void)fd;
    (void)path;
    errno = ENOTSUP;
    return -1;
#endif
}

int blaze_occupy_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        // open takes the lowest free descriptor, which is this one.
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) return -1;
    }
    return 0;
}

int blaze_disable_core_dumps(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none);
}

int blaze_disable_tracing(void) {
#if defined(__linux__)
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#else
    return ptrace(PT_DENY_ATTACH, 0, 0, 0);
#endif
}

void blaze_name_thread(const char *name) {
#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), name);
#else
    (void)pthread_setname_np(name);
#endif
}

ssize_t blaze_executable_path(pid_t pid, char *buffer, size_t size) {
#if defined(__linux__)
    char link[32];
    (void)snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    return readlink(link, buffer, size);
#else
    int n = proc_pidpath(pid, buffer, (uint32_t)size);
    return n > 0 ? (ssize_t)n : -1;
#endif
}

static void handled_signals(sigset_t *set) {
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
}

int blaze_block_signals(void) {
    sigset_t set;
    handled_signals(&set);
    (void)signal(SIGPIPE, SIG_IGN);
    int e = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (e != 0) errno = e;
    return e == 0 ? 0 : -1;
}

int blaze_wait_for_signal(void) {
    sigset_t set;
    handled_signals(&set);
    int got = 0;
    int e = sigwait(&set, &got);
    if (e != 0) {
        errno = e;
        return -1;
    }
    return got;
}

int blaze_display_width(uint32_t scalar) {
    int n = wcwidth((wchar_t)scalar);
    return n < 0 ? 1 : n;
}

void blaze_use_locale(void) { (void)setlocale(LC_CTYPE, ""); }

static int last_words_fd = -1;
static const char *last_words;

static void exit_with_words(int number) {
    (void)!write(last_words_fd, last_words, strlen(last_words));
    _exit(128 + number);
}

int blaze_exit_on_signals(int fd, const char *words) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action, before;
    last_words_fd = fd;
    last_words = words;
    memset(&action, 0, sizeof action);
    action.sa_handler = exit_with_words;
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        if (sigaction(caught[i], NULL, &before) != 0) return -1;
        if (before.sa_handler == SIG_IGN) continue;
        if (sigaction(caught[i], &action, NULL) != 0) return -1;
    }
    return 0;
}

// Between fork and exec only calls that are safe after a fork from a threaded process.
static void become_agent(const char *path, char *const argv[], char *const envp[], int ready_fd, int report_fd) {
    int null = open("/dev/null", O_RDWR);
    // The report descriptor is moved out of the way first: 0 to 3 are about to be replaced.
    int report = fcntl(report_fd, F_DUPFD_CLOEXEC, 10);
    int ready = fcntl(ready_fd, F_DUPFD_CLOEXEC, 10);
    int ok = null >= 0 && report >= 0 && ready >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 &&
             dup2(null, 2) >= 0 && dup2(ready, 3) >= 0;
    if (ok) {
        long limit = sysconf(_SC_OPEN_MAX);
        if (limit < 0 || limit > 4096) limit = 4096;
        for (int fd = 4; fd < limit; fd++)
            if (fd != report) (void)close(fd);
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)chdir("/");
        (void)execve(path, argv, envp);
    }
    int e = errno;
    (void)!write(report, &e, sizeof e);
    _exit(127);
}

int blaze_spawn_detached(const char *path, char *const argv[], char *const envp[], int ready_fd) {
    int report[2];
    if (blaze_pipe(report) != 0) return -1;
    pid_t child = fork();
    if (child < 0) {
        (void)close(report[0]);
        return close_keeping_errno(report[1]);
    }
    if (child == 0) {
        (void)setsid();
        pid_t grandchild = fork();
        if (grandchild == 0) become_agent(path, argv, envp, ready_fd, report[1]);
        if (grandchild < 0) {
            int e = errno;
            (void)!write(report[1], &e, sizeof e);
        }
        _exit(0);
    }
    (void)close(report[1]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    // exec closes the pipe; until then it carries the error number of what failed.
    int e = 0;
    ssize_t n;
    do n = read(report[0], &e, sizeof e);
    while (n < 0 && errno == EINTR);
    (void)close(report[0]);
    if (n == (ssize_t)sizeof e) {
        errno = e;
        return -1;
    }
    return 0;
}
