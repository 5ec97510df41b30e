// As much of CoreServices as fsevents.c uses, for a system without it. Numbers as in the documentation of FSEvents.
#ifndef STAND_IN_CORE_SERVICES_H
#define STAND_IN_CORE_SERVICES_H
#include <dispatch/dispatch.h>
#include <stddef.h>
#include <stdint.h>

typedef long CFIndex;
typedef const void *CFTypeRef;
typedef const void *CFAllocatorRef;
typedef struct stand_in_array *CFMutableArrayRef;
typedef const struct stand_in_array *CFArrayRef;
typedef const struct stand_in_string *CFStringRef;
typedef struct {
    int unused;
} CFArrayCallBacks;
extern const CFArrayCallBacks kCFTypeArrayCallBacks;
CFMutableArrayRef CFArrayCreateMutable(CFAllocatorRef, CFIndex capacity, const CFArrayCallBacks *);
void CFArrayAppendValue(CFMutableArrayRef, const void *value);
CFStringRef CFStringCreateWithFileSystemRepresentation(CFAllocatorRef, const char *);
void CFRelease(CFTypeRef);

typedef unsigned char Boolean;
typedef double CFTimeInterval;
typedef uint32_t FSEventStreamCreateFlags;
typedef uint32_t FSEventStreamEventFlags;
typedef uint64_t FSEventStreamEventId;
typedef struct stand_in_stream *FSEventStreamRef;
typedef const struct stand_in_stream *ConstFSEventStreamRef;
typedef struct {
    CFIndex version;
    void *info;
    const void *(*retain)(const void *);
    void (*release)(const void *);
    CFStringRef (*copyDescription)(const void *);
} FSEventStreamContext;
typedef void (*FSEventStreamCallback)(
    ConstFSEventStreamRef, void *info, size_t count, void *paths, const FSEventStreamEventFlags *,
    const FSEventStreamEventId *);

enum {
    kFSEventStreamCreateFlagNoDefer = 0x2,
    kFSEventStreamCreateFlagWatchRoot = 0x4,
    kFSEventStreamCreateFlagFileEvents = 0x10
};
enum {
    kFSEventStreamEventFlagMustScanSubDirs = 0x1,
    kFSEventStreamEventFlagUserDropped = 0x2,
    kFSEventStreamEventFlagKernelDropped = 0x4,
    kFSEventStreamEventFlagEventIdsWrapped = 0x8,
    kFSEventStreamEventFlagHistoryDone = 0x10,
    kFSEventStreamEventFlagRootChanged = 0x20,
    kFSEventStreamEventFlagUnmount = 0x80,
    kFSEventStreamEventFlagItemCreated = 0x100,
    kFSEventStreamEventFlagItemRemoved = 0x200,
    kFSEventStreamEventFlagItemRenamed = 0x800,
    kFSEventStreamEventFlagItemModified = 0x1000,
    kFSEventStreamEventFlagItemIsDir = 0x20000
};
FSEventStreamRef FSEventStreamCreate(
    CFAllocatorRef, FSEventStreamCallback, FSEventStreamContext *, CFArrayRef paths, FSEventStreamEventId since,
    CFTimeInterval latency, FSEventStreamCreateFlags);
void FSEventStreamSetDispatchQueue(FSEventStreamRef, dispatch_queue_t);
Boolean FSEventStreamStart(FSEventStreamRef);
void FSEventStreamStop(FSEventStreamRef);
void FSEventStreamInvalidate(FSEventStreamRef);
void FSEventStreamRelease(FSEventStreamRef);
FSEventStreamEventId FSEventStreamGetLatestEventId(ConstFSEventStreamRef);
FSEventStreamEventId FSEventsGetCurrentEventId(void);
#endif
