// Notices of changed directories by FSEvents (CoreServices, FSEvents.h), in the form that inotify.c gives them.
//
// A stream watches a fixed set of directories with everything below them, so a change of the set makes a new stream, which
// begins at the event at which the first new directory was asked for: FSEvents keeps a history, and nothing between is lost.
// Streams deliver on a queue of their own; what they deliver waits in the watcher until it is read, and a pipe tells that
// something waits.

#if defined(__APPLE__)

#include "directories.h"

#include <CoreServices/CoreServices.h>
#include <dispatch/dispatch.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// How many notices wait at most; more are told as lost.
enum { WAITING = 4096 };

struct place {
    int number;
    /// The directory without symbolic links, as events name it.
    char *path;
};

struct notice {
    int watch;
    unsigned what;
    char *name;
};

struct watcher {
    int reader, writer;
    /// Guards everything below.
    pthread_mutex_t lock;
    struct place *places;
    size_t place_count, place_capacity;
    int next_number;
    struct notice notices[WAITING];
    size_t notice_count;
    bool overflow;
    /// Whether the queue has a new stream to make, and the event that it begins behind.
    bool is_stale;
    FSEventStreamEventId since;
    /// Touched on the queue alone.
    FSEventStreamRef stream;
    dispatch_queue_t queue;
    struct watcher *next;
};

/// All watchers, found by the descriptor that their users know.
static pthread_mutex_t watchers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watcher *watchers;

static struct watcher *find(int fd) {
    pthread_mutex_lock(&watchers_lock);
    struct watcher *w = watchers;
    while (w != NULL && w->reader != fd) w = w->next;
    pthread_mutex_unlock(&watchers_lock);
    if (w == NULL) errno = EBADF;
    return w;
}

/// Under the lock. A name that cannot be kept is a notice that is lost.
static void put(struct watcher *w, int watch, unsigned what, const char *name, size_t length) {
    if (w->notice_count == WAITING) {
        w->overflow = true;
        return;
    }
    char *copy = malloc(length + 1);
    if (copy == NULL) {
        w->overflow = true;
        return;
    }
    memcpy(copy, name, length);
    copy[length] = 0;
    w->notices[w->notice_count++] = (struct notice){watch, what, copy};
}

/// Under the lock: whether a path is a place, or an entry of one.
static void take(struct watcher *w, const char *path, FSEventStreamEventFlags flags) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    const FSEventStreamEventFlags lost = kFSEventStreamEventFlagMustScanSubDirs |
                                         kFSEventStreamEventFlagUserDropped | kFSEventStreamEventFlagKernelDropped |
                                         kFSEventStreamEventFlagEventIdsWrapped;
    if (flags & lost) w->overflow = true;
    for (size_t i = 0; i < w->place_count; i++) {
        const struct place *place = &w->places[i];
        size_t own = strlen(place->path);
        if (length < own || strncmp(path, place->path, own) != 0) continue;
        if (length == own) {
            const FSEventStreamEventFlags gone = kFSEventStreamEventFlagRootChanged |
                                                 kFSEventStreamEventFlagItemRemoved |
                                                 kFSEventStreamEventFlagItemRenamed |
                                                 kFSEventStreamEventFlagUnmount;
            if (flags & gone) put(w, place->number, BLAZE_WATCH_GONE, "", 0);
            continue;
        }
        size_t start = own == 1 ? 1 : own + 1;
        if (own > 1 && path[own] != '/') continue;
        // What lies deeper belongs to a place of its own, or to none.
        if (memchr(path + start, '/', length - start) != NULL) continue;
        unsigned what = BLAZE_WATCH_ENTRY;
        if ((flags & kFSEventStreamEventFlagItemIsDir) &&
            (flags & (kFSEventStreamEventFlagItemCreated | kFSEventStreamEventFlagItemRenamed)))
            what |= BLAZE_WATCH_NEW_DIRECTORY;
        put(w, place->number, what, path + start, length - start);
    }
}

static void deliver(
    ConstFSEventStreamRef stream, void *info, size_t count, void *paths, const FSEventStreamEventFlags *flags,
    const FSEventStreamEventId *ids) {
    (void)stream;
    (void)ids;
    struct watcher *w = info;
    char **names = paths;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < count; i++) {
        if (!(flags[i] & kFSEventStreamEventFlagHistoryDone)) take(w, names[i], flags[i]);
    }
    bool is_waiting = w->notice_count > 0 || w->overflow;
    pthread_mutex_unlock(&w->lock);
    // A full pipe is readable, which is all that is wanted of it.
    if (is_waiting) (void)!write(w->writer, "", 1);
}

/// On the queue.
static void end_stream(struct watcher *w) {
    if (w->stream == NULL) return;
    FSEventStreamStop(w->stream);
    FSEventStreamInvalidate(w->stream);
    FSEventStreamRelease(w->stream);
    w->stream = NULL;
}

/// The places as FSEvents takes them; NULL when there are none, or no memory. Under the lock.
static CFArrayRef copy_paths(const struct watcher *w) {
    if (w->place_count == 0) return NULL;
    CFMutableArrayRef out = CFArrayCreateMutable(NULL, (CFIndex)w->place_count, &kCFTypeArrayCallBacks);
    if (out == NULL) return NULL;
    for (size_t i = 0; i < w->place_count; i++) {
        CFStringRef path = CFStringCreateWithFileSystemRepresentation(NULL, w->places[i].path);
        if (path == NULL) continue;
        CFArrayAppendValue(out, path);
        CFRelease(path);
    }
    return out;
}

/// On the queue: a stream for the places as they are now. Where none can be had everything counts as changed, once; the
/// agent looks at its directories again from time to time in any case.
static void renew_stream(void *context) {
    struct watcher *w = context;
    pthread_mutex_lock(&w->lock);
    bool is_stale = w->is_stale;
    FSEventStreamEventId since = w->since;
    CFArrayRef paths = is_stale ? copy_paths(w) : NULL;
    bool has_places = w->place_count > 0;
    w->is_stale = false;
    pthread_mutex_unlock(&w->lock);
    if (!is_stale) return;
    if (w->stream != NULL) {
        // What the old stream has not delivered yet the new one delivers.
        FSEventStreamEventId last = FSEventStreamGetLatestEventId(w->stream);
        if (last < since) since = last;
        end_stream(w);
    }
    if (!has_places) return;
    if (paths != NULL) {
        FSEventStreamContext info = {0, w, NULL, NULL, NULL};
        w->stream = FSEventStreamCreate(
            NULL, deliver, &info, paths, since, 0.05,
            kFSEventStreamCreateFlagNoDefer | kFSEventStreamCreateFlagWatchRoot | kFSEventStreamCreateFlagFileEvents);
        CFRelease(paths);
    }
    if (w->stream != NULL) {
        FSEventStreamSetDispatchQueue(w->stream, w->queue);
        if (FSEventStreamStart(w->stream)) return;
        end_stream(w);
    }
    pthread_mutex_lock(&w->lock);
    w->overflow = true;
    pthread_mutex_unlock(&w->lock);
    (void)!write(w->writer, "", 1);
}

/// Under the lock.
static void make_stale(struct watcher *w) {
    if (w->is_stale) return;
    w->is_stale = true;
    w->since = FSEventsGetCurrentEventId();
    dispatch_async_f(w->queue, w, renew_stream);
}

static void finish(void *context) { end_stream(context); }

static void free_watcher(struct watcher *w) {
    for (size_t i = 0; i < w->place_count; i++) free(w->places[i].path);
    for (size_t i = 0; i < w->notice_count; i++) free(w->notices[i].name);
    free(w->places);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int blaze_watch_open(void) {
    struct watcher *w = calloc(1, sizeof *w);
    if (w == NULL) return -1;
    int ends[2];
    if (pipe(ends) != 0) {
        free(w);
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    w->reader = ends[0];
    w->writer = ends[1];
    w->next_number = 1;
    w->queue = dispatch_queue_create("blazedb-agent.directories", DISPATCH_QUEUE_SERIAL);
    if (w->queue == NULL || pthread_mutex_init(&w->lock, NULL) != 0) {
        if (w->queue != NULL) dispatch_release(w->queue);
        close(ends[0]);
        close(ends[1]);
        free(w);
        errno = ENOMEM;
        return -1;
    }
    pthread_mutex_lock(&watchers_lock);
    w->next = watchers;
    watchers = w;
    pthread_mutex_unlock(&watchers_lock);
    return w->reader;
}

void blaze_watch_close(int fd) {
    struct watcher *w = find(fd);
    if (w == NULL) return;
    pthread_mutex_lock(&watchers_lock);
    struct watcher **link = &watchers;
    while (*link != w) link = &(*link)->next;
    *link = w->next;
    pthread_mutex_unlock(&watchers_lock);
    // Behind whatever is on the queue, and nothing comes after it: its streams are the only ones that call back.
    dispatch_sync_f(w->queue, w, finish);
    dispatch_release(w->queue);
    close(w->reader);
    close(w->writer);
    free_watcher(w);
}

int blaze_watch_add(int fd, const char *directory) {
    struct watcher *w = find(fd);
    if (w == NULL) return -1;
    char *path = realpath(directory, NULL);
    if (path == NULL) return -1;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->place_count; i++) {
        if (strcmp(w->places[i].path, path) != 0) continue;
        int number = w->places[i].number;
        pthread_mutex_unlock(&w->lock);
        free(path);
        return number;
    }
    if (w->place_count == w->place_capacity) {
        size_t capacity = w->place_capacity == 0 ? 16 : 2 * w->place_capacity;
        struct place *places = realloc(w->places, capacity * sizeof *places);
        if (places == NULL || w->next_number == INT_MAX) {
            if (places != NULL) w->places = places;
            pthread_mutex_unlock(&w->lock);
            free(path);
            errno = ENOMEM;
            return -1;
        }
        w->places = places;
        w->place_capacity = capacity;
    }
    int number = w->next_number++;
    w->places[w->place_count++] = (struct place){number, path};
    make_stale(w);
    pthread_mutex_unlock(&w->lock);
    return number;
}

int blaze_watch_remove(int fd, int watch) {
    struct watcher *w = find(fd);
    if (w == NULL) return -1;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->place_count; i++) {
        if (w->places[i].number != watch) continue;
        free(w->places[i].path);
        w->places[i] = w->places[--w->place_count];
        make_stale(w);
        pthread_mutex_unlock(&w->lock);
        return 0;
    }
    pthread_mutex_unlock(&w->lock);
    errno = EINVAL;
    return -1;
}

int blaze_watch_read(int fd, void *context, void (*body)(void *, int, unsigned, const char *)) {
    struct watcher *w = find(fd);
    if (w == NULL) return -1;
    char drained[256];
    while (read(fd, drained, sizeof drained) > 0) {
    }
    pthread_mutex_lock(&w->lock);
    size_t count = w->notice_count;
    struct notice *notices = malloc((count == 0 ? 1 : count) * sizeof *notices);
    if (notices == NULL) {
        pthread_mutex_unlock(&w->lock);
        errno = ENOMEM;
        return -1;
    }
    memcpy(notices, w->notices, count * sizeof *notices);
    w->notice_count = 0;
    bool overflow = w->overflow;
    w->overflow = false;
    pthread_mutex_unlock(&w->lock);
    // Called without the lock: whoever is told of a change adds and removes watches.
    if (overflow) body(context, 0, BLAZE_WATCH_OVERFLOW, "");
    for (size_t i = 0; i < count; i++) {
        body(context, notices[i].watch, notices[i].what, notices[i].name);
        free(notices[i].name);
    }
    free(notices);
    return 0;
}

#endif
