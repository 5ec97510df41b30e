#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <libproc.h>
#include <sys/proc.h>
#endif

int blaze_replace_descriptor(int fd, int by) {
#if defined(__linux__)
    int result = dup3(by, fd, O_CLOEXEC);
#else
    int result = dup2(by, fd);
    if (result >= 0) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
    int e = errno;
    (void)close(by);
    errno = e;
    return result < 0 ? -1 : 0;
}

int blaze_unix_adopt(int fd, int backlog, char *path, size_t size) {
    int descriptor_flags = fcntl(fd, F_GETFD);
    int flags = fcntl(fd, F_GETFL);
    if (descriptor_flags < 0 || flags < 0) return -1;
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    socklen_t length = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &length) != 0) return -1;
    if (a.sun_family != AF_UNIX) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int type = 0, listening = 0;
    socklen_t n = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0) return -1;
    n = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0) return -1;
    if (type != SOCK_STREAM) {
        errno = EPROTOTYPE;
        return -1;
    }
    if (!listening) {
        errno = EINVAL;
        return -1;
    }
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t most = length > head ? length - head : 0;
    if (most > sizeof a.sun_path) most = sizeof a.sun_path;
    // An abstract name begins with a NUL: it has no place in the file system beside which a lock could lie.
    size_t count = strnlen(a.sun_path, most);
    if (count == 0 || a.sun_path[0] != '/' || count >= size) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    memcpy(path, a.sun_path, count);
    path[count] = 0;
    if (fcntl(fd, F_SETFD, descriptor_flags | FD_CLOEXEC) != 0) return -1;
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -1;
    // Once more, by ourselves: whoever connects from now on is told of this process as the one at the other end.
    return listen(fd, backlog);
}

int blaze_notify_supervisor(const char *socket_name, const char *state) {
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    size_t n = strlen(socket_name);
    int abstract = socket_name[0] == '@';
    if (n < 2 || n > sizeof a.sun_path - (abstract ? 0 : 1)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, socket_name, n);
    if (abstract) a.sun_path[0] = 0;
    // The length says where an abstract name ends; a path ends with its NUL.
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (abstract ? 0 : 1));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) return -1;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    // A supervisor that does not read must not hold the agent up.
    struct timeval limit = {.tv_sec = 0, .tv_usec = 500000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ssize_t sent;
    do sent = sendto(fd, state, strlen(state), 0, (struct sockaddr *)&a, length);
    while (sent < 0 && errno == EINTR);
    int e = errno;
    (void)close(fd);
    errno = e;
    return sent < 0 ? -1 : 0;
}

int blaze_process_is_stopped(pid_t pid) {
#if defined(__linux__)
    char name[32], text[512];
    (void)snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    int e = errno;
    (void)close(fd);
    errno = e;
    if (n <= 0) return -1;
    text[n] = 0;
    // The state stands behind the program's name, which may hold anything, parentheses too.
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
#else
    struct proc_bsdinfo info;
    if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != (int)sizeof info) return -1;
    return info.pbi_status == SSTOP;
#endif
}

long blaze_raise_descriptor_limit(long wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    rlim_t goal = (rlim_t)wanted;
    if (limit.rlim_cur < goal) {
        struct rlimit raised = limit;
        raised.rlim_cur = limit.rlim_max < goal ? limit.rlim_max : goal;
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > (rlim_t)wanted ? wanted : (long)limit.rlim_cur;
}
