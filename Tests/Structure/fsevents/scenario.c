// Drives fsevents.c by a stand-in for FSEvents: run with an empty directory as its argument. Ends with 0 when all held.
#include "directories.h"

#include <CoreServices/CoreServices.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- The stand-in: one stream at a time, whose events the scenario sends.

struct stand_in_array {
    int count;
    char *paths[16];
};
struct stand_in_string {
    char text[PATH_MAX];
};
struct stand_in_stream {
    FSEventStreamCallback deliver;
    void *info;
    int path_count;
    FSEventStreamEventId since;
};
struct stand_in_queue {
    int count;
    struct {
        void *context;
        dispatch_function_t run;
    } work[64];
};

const CFArrayCallBacks kCFTypeArrayCallBacks;
static FSEventStreamRef live;
static FSEventStreamEventId clock_now = 100;
static int streams_made;
static int may_start = 1;
static dispatch_queue_t queue;

CFMutableArrayRef CFArrayCreateMutable(CFAllocatorRef a, CFIndex capacity, const CFArrayCallBacks *c) {
    (void)a, (void)capacity, (void)c;
    return calloc(1, sizeof(struct stand_in_array));
}
void CFArrayAppendValue(CFMutableArrayRef array, const void *value) {
    array->paths[array->count++] = strdup(((CFStringRef)value)->text);
}
CFStringRef CFStringCreateWithFileSystemRepresentation(CFAllocatorRef a, const char *path) {
    (void)a;
    struct stand_in_string *s = calloc(1, sizeof *s);
    snprintf(s->text, sizeof s->text, "%s", path);
    return s;
}
void CFRelease(CFTypeRef value) { free((void *)value); }
FSEventStreamRef FSEventStreamCreate(
    CFAllocatorRef a, FSEventStreamCallback deliver, FSEventStreamContext *context, CFArrayRef paths,
    FSEventStreamEventId since, CFTimeInterval latency, FSEventStreamCreateFlags flags) {
    (void)a, (void)latency, (void)flags;
    FSEventStreamRef s = calloc(1, sizeof *s);
    *s = (struct stand_in_stream){deliver, context->info, paths->count, since};
    streams_made++;
    return s;
}
void FSEventStreamSetDispatchQueue(FSEventStreamRef s, dispatch_queue_t q) { (void)s, (void)q; }
Boolean FSEventStreamStart(FSEventStreamRef s) {
    if (!may_start) return 0;
    live = s;
    return 1;
}
void FSEventStreamStop(FSEventStreamRef s) { (void)s; }
void FSEventStreamInvalidate(FSEventStreamRef s) { (void)s; }
void FSEventStreamRelease(FSEventStreamRef s) {
    if (live == s) live = NULL;
    free(s);
}
FSEventStreamEventId FSEventStreamGetLatestEventId(ConstFSEventStreamRef s) { return s->since; }
FSEventStreamEventId FSEventsGetCurrentEventId(void) { return ++clock_now; }

dispatch_queue_t dispatch_queue_create(const char *label, void *attributes) {
    (void)label, (void)attributes;
    return queue = calloc(1, sizeof *queue);
}
void dispatch_async_f(dispatch_queue_t q, void *context, dispatch_function_t run) {
    q->work[q->count].context = context;
    q->work[q->count++].run = run;
}
static void run_queue(void) {
    for (int i = 0; i < queue->count; i++) queue->work[i].run(queue->work[i].context);
    queue->count = 0;
}
void dispatch_sync_f(dispatch_queue_t q, void *context, dispatch_function_t run) {
    (void)q;
    run_queue();
    run(context);
}
void dispatch_release(dispatch_queue_t q) { free(q); }

// ---- The scenario

static char told[1 << 18];
static int fd;
static char root[PATH_MAX], below[PATH_MAX + 8], link_[PATH_MAX + 8];

static void note(void *context, int watch, unsigned what, const char *name) {
    (void)context;
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%d:%u:%s;", watch, what, name);
}
static void send(const char *entry, FSEventStreamEventFlags flags) {
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s%s", root, entry);
    char *paths[1] = {path};
    FSEventStreamEventId id = ++clock_now;
    live->deliver(live, live->info, 1, paths, &flags, &id);
}
static int is_readable(void) {
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}
static void expect(int holds, const char *what) {
    if (holds) return;
    printf("does not hold: %s (told: %.200s)\n", what, told);
    exit(1);
}
static void expect_told(const char *wanted, const char *what) {
    told[0] = 0;
    expect(is_readable() == (wanted[0] != 0), what);
    expect(blaze_watch_read(fd, NULL, note) == 0, what);
    expect(strcmp(told, wanted) == 0, what);
    expect(!is_readable(), what);
}

int main(int count, char **arguments) {
    if (count != 2 || realpath(arguments[1], root) == NULL) return 2;
    snprintf(below, sizeof below, "%s/sub", root);
    snprintf(link_, sizeof link_, "%s/link", root);
    if (mkdir(below, 0700) != 0 || symlink(root, link_) != 0) return 2;

    fd = blaze_watch_open();
    expect(fd >= 0, "a watch opens");
    int a = blaze_watch_add(fd, link_), b = blaze_watch_add(fd, below);
    expect(a == 1 && b == 2, "directories get numbers");
    expect(blaze_watch_add(fd, root) == a, "one directory under two names is one");
    expect(blaze_watch_add(fd, "/no/such/directory") == -1, "what is not there is not watched");
    FSEventStreamEventId asked = clock_now;
    run_queue();
    expect(streams_made == 1 && live->path_count == 2, "one stream for all");
    expect(live->since <= asked, "nothing between asking and watching is lost");

    send("/x.blazedb", kFSEventStreamEventFlagItemCreated);
    expect_told("1:1:x.blazedb;", "a new file");
    send("/sub/y.meta", kFSEventStreamEventFlagItemModified);
    expect_told("2:1:y.meta;", "a changed file of the other directory");
    send("/new", kFSEventStreamEventFlagItemCreated | kFSEventStreamEventFlagItemIsDir);
    expect_told("1:3:new;", "a new directory");
    send("/deep/down/z", kFSEventStreamEventFlagItemCreated);
    expect_told("", "what lies deeper is no entry");
    send("beside/z", kFSEventStreamEventFlagItemCreated);
    expect_told("", "a name that only begins alike is another directory's");
    send("", kFSEventStreamEventFlagRootChanged);
    expect_told("1:4:;", "the directory itself is gone");
    send("", kFSEventStreamEventFlagMustScanSubDirs | kFSEventStreamEventFlagKernelDropped);
    expect_told("0:8:;", "events were lost");

    expect(blaze_watch_remove(fd, a) == 0 && blaze_watch_remove(fd, a) == -1, "a watch ends once");
    run_queue();
    expect(streams_made == 2 && live->path_count == 1, "the new stream has what is left");
    send("/x.blazedb", kFSEventStreamEventFlagItemModified);
    expect_told("", "an ended watch tells nothing");
    for (int i = 0; i < 5000; i++) send("/sub/q", kFSEventStreamEventFlagItemModified);
    told[0] = 0;
    expect(blaze_watch_read(fd, NULL, note) == 0 && strncmp(told, "0:8:;2:1:q;", 11) == 0, "too many are told as lost");

    may_start = 0;
    expect(blaze_watch_add(fd, root) > 0, "a watch is added");
    run_queue();
    expect_told("0:8:;", "without a stream everything may have changed");
    blaze_watch_close(fd);
    expect(blaze_watch_add(fd, root) == -1, "a closed watch takes nothing");
    return 0;
}
