#ifndef BLAZE_DIRECTORIES_H
#define BLAZE_DIRECTORIES_H

// Reading, watching and judging directories. Every function returns -1 and sets errno on failure.

#include <stddef.h>
#include <stdint.h>

enum { BLAZE_ENTRY_DIRECTORY = 1, BLAZE_ENTRY_REGULAR = 2, BLAZE_ENTRY_LINK = 3, BLAZE_ENTRY_SPECIAL = 4 };

/// What a listing of one directory leaves, and the memory that the next one uses again.
struct blaze_listing {
    /// Entries one after another: kind (1 byte), length of the name (2 bytes, native order), the name.
    unsigned char *entries;
    size_t used;
    size_t capacity;
    /// How many entries are no directories, whether or not they are among `entries`.
    uint64_t others;
    /// Where the system writes its own form of the entries.
    void *scratch;
};

/// Opens a directory for listing, without following a link in its last component; its descriptor.
int blaze_open_directory(const char *path, uint64_t *device, uint64_t *inode);
/// Fills `listing` with the directory's subdirectories and those other entries whose names may be a database's or
/// something that BlazeDB leaves behind. Closes `fd`, also on failure.
int blaze_list_candidates(int fd, struct blaze_listing *listing);
/// Gives the memory back.
void blaze_free_listing(struct blaze_listing *listing);

/// Opens a file or directory itself, no link in its last component, for `blaze_change_mode`; also one that its owner may not
/// read, where the system can.
int blaze_open_to_change_mode(const char *path, int is_directory);
/// Gives what `fd` is open on other permission bits.
int blaze_change_mode(int fd, uint32_t mode);

/// Calls `body` for every mounted file system with its directory, its type and whether it lies on another machine
/// (where the system tells).
int blaze_each_mount(void *context, void (*body)(void *context, const char *path, const char *type, int remote));

enum {
    /// An entry of the directory appeared, vanished or changed.
    BLAZE_WATCH_ENTRY = 1,
    /// It is a directory that appeared.
    BLAZE_WATCH_NEW_DIRECTORY = 2,
    /// The directory itself is gone from its place.
    BLAZE_WATCH_GONE = 4,
    /// Events were lost.
    BLAZE_WATCH_OVERFLOW = 8
};

/// A close-on-exec descriptor that is readable when something happened (inotify on Linux, FSEvents on macOS); -1 with
/// ENOTSUP on other systems.
int blaze_watch_open(void);
/// Ends all watches and closes the descriptor.
void blaze_watch_close(int fd);
/// Watches a directory; the watch's number.
int blaze_watch_add(int fd, const char *directory);
int blaze_watch_remove(int fd, int watch);
/// Calls `body` for everything that has happened, without waiting. `name` is empty for the directory itself.
int blaze_watch_read(
    int fd, void *context, void (*body)(void *context, int watch, unsigned what, const char *name));

#endif
