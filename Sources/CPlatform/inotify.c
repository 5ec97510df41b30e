#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

// Notices of changed directories by inotify(7). macOS has fsevents.c; other systems have none.

#include "directories.h"

#include <errno.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/inotify.h>
#endif

#if defined(__linux__)
int blaze_watch_open(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

int blaze_watch_add(int fd, const char *directory) {
    return inotify_add_watch(
        fd, directory,
        IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
            IN_ONLYDIR | IN_EXCL_UNLINK);
}

int blaze_watch_remove(int fd, int watch) { return inotify_rm_watch(fd, watch); }

void blaze_watch_close(int fd) { close(fd); }

int blaze_watch_read(int fd, void *context, void (*body)(void *, int, unsigned, const char *)) {
    char buffer[16 << 10] __attribute__((aligned(__alignof__(struct inotify_event))));
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        if (n == 0) return 0;
        for (char *at = buffer; at < buffer + n;) {
            struct inotify_event *event = (struct inotify_event *)at;
            at += sizeof *event + event->len;
            unsigned what = 0;
            if (event->mask & IN_Q_OVERFLOW) what |= BLAZE_WATCH_OVERFLOW;
            if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) what |= BLAZE_WATCH_GONE;
            if (event->len > 0) what |= BLAZE_WATCH_ENTRY;
            if ((event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)))
                what |= BLAZE_WATCH_NEW_DIRECTORY;
            if (what != 0) body(context, event->wd, what, event->len > 0 ? event->name : "");
        }
    }
}
#elif !defined(__APPLE__)
int blaze_watch_open(void) {
    errno = ENOTSUP;
    return -1;
}
int blaze_watch_add(int fd, const char *directory) {
    (void)fd;
    (void)directory;
    errno = ENOTSUP;
    return -1;
}
void blaze_watch_close(int fd) { (void)fd; }
int blaze_watch_remove(int fd, int watch) {
    (void)fd;
    (void)watch;
    errno = ENOTSUP;
    return -1;
}
int blaze_watch_read(int fd, void *context, void (*body)(void *, int, unsigned, const char *)) {
    (void)fd;
    (void)context;
    (void)body;
    errno = ENOTSUP;
    return -1;
}
#endif
