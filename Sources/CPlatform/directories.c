#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "directories.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <mntent.h>
#include <stdio.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/mount.h>
#include <sys/param.h>
#endif

static int close_keeping_errno(int fd) {
    int e = errno;
    (void)close(fd);
    errno = e;
    return -1;
}

int blaze_open_directory(const char *path, uint64_t *device, uint64_t *inode) {
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
#if defined(__linux__)
    int fd = open(path, flags | O_NOATIME);
    // Only a directory's owner may ask for O_NOATIME.
    if (fd < 0 && errno == EPERM) fd = open(path, flags);
#else
    int fd = open(path, flags);
#endif
    if (fd < 0) return -1;
    struct stat own;
    if (fstat(fd, &own) != 0) return close_keeping_errno(fd);
    *device = (uint64_t)own.st_dev;
    *inode = (uint64_t)own.st_ino;
    return fd;
}

int blaze_open_to_change_mode(const char *path, int is_directory) {
    int flags = O_NOFOLLOW | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0);
    int fd = open(path, flags | O_RDONLY | O_NONBLOCK);
#if defined(__linux__)
    // The owner needs no right to read it in order to change its mode.
    if (fd < 0 && errno == EACCES) fd = open(path, flags | O_PATH);
#endif
    return fd;
}

int blaze_change_mode(int fd, uint32_t mode) {
    if (fchmod(fd, (mode_t)mode) == 0) return 0;
#if defined(__linux__)
    // A descriptor of O_PATH. fchmodat2 has this number on every architecture, and older headers do not know it.
    if (errno == EBADF) {
        const long fchmodat2_number = 452;
        if (syscall(fchmodat2_number, fd, "", (mode_t)mode, AT_EMPTY_PATH) == 0) return 0;
        if (errno == ENOSYS) {
            char name[32];
            (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
            return chmod(name, (mode_t)mode);
        }
    }
#endif
    return -1;
}

static int ends_like(const char *name, size_t length, const char *suffix, size_t count) {
    return length > count && strncasecmp(name + length - count, suffix, count) == 0;
}

// Every name that Leftover.Kind or a database may have passes; what else passes costs a second look.
static int may_matter(const char *name, size_t length) {
    if (length <= 8) return 0;
    if (ends_like(name, length, ".blazedb", 8) || ends_like(name, length, ".blazedb.wal", 12)) return 1;
    if ((name[0] | 0x20) == 'b') return strncasecmp(name, "backup_v0_", 10) == 0 || memmem(name, length, ".vacuum", 7);
    if ((name[0] | 0x20) == 't') return strncasecmp(name, "txn_", 4) == 0 || memmem(name, length, ".vacuum", 7);
    return memmem(name, length, ".vacuum", 7) != NULL;
}

static int add_entry(struct blaze_listing *l, int kind, const char *name, size_t length) {
    size_t needed = l->used + 3 + length;
    if (needed > l->capacity) {
        size_t capacity = l->capacity < 4096 ? 4096 : 2 * l->capacity;
        while (capacity < needed) capacity *= 2;
        unsigned char *more = realloc(l->entries, capacity);
        if (more == NULL) return -1;
        l->entries = more;
        l->capacity = capacity;
    }
    unsigned char *at = l->entries + l->used;
    uint16_t count = (uint16_t)length;
    at[0] = (unsigned char)kind;
    memcpy(at + 1, &count, sizeof count);
    memcpy(at + 3, name, length);
    l->used = needed;
    return 0;
}

static int note_entry(int fd, struct blaze_listing *l, int type, const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > UINT16_MAX) return 0;
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))) return 0;
    if (type == DT_UNKNOWN) {
        // Some file systems do not tell: ask for this entry.
        struct stat s;
        if (fstatat(fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0) {
            if (S_ISDIR(s.st_mode)) type = DT_DIR;
            if (S_ISREG(s.st_mode)) type = DT_REG;
            if (S_ISLNK(s.st_mode)) type = DT_LNK;
        }
    }
    if (type == DT_DIR) return add_entry(l, BLAZE_ENTRY_DIRECTORY, name, length);
    l->others++;
    if (!may_matter(name, length)) return 0;
    int kind = type == DT_REG ? BLAZE_ENTRY_REGULAR : type == DT_LNK ? BLAZE_ENTRY_LINK : BLAZE_ENTRY_SPECIAL;
    return add_entry(l, kind, name, length);
}

#if defined(__linux__)
// As the kernel writes it; glibc has no header for it.
struct kernel_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};
enum { scratch_size = 128 << 10 };

int blaze_list_candidates(int fd, struct blaze_listing *l) {
    l->used = 0;
    l->others = 0;
    if (l->scratch == NULL && (l->scratch = malloc(scratch_size)) == NULL) return close_keeping_errno(fd);
    for (;;) {
        long n = syscall(SYS_getdents64, fd, l->scratch, scratch_size);
        if (n < 0) return close_keeping_errno(fd);
        if (n == 0) break;
        for (long at = 0; at < n;) {
            struct kernel_entry *entry = (struct kernel_entry *)((char *)l->scratch + at);
            if (note_entry(fd, l, entry->type, entry->name) != 0) return close_keeping_errno(fd);
            at += entry->length;
        }
    }
    (void)close(fd);
    return 0;
}
#else
int blaze_list_candidates(int fd, struct blaze_listing *l) {
    l->used = 0;
    l->others = 0;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) return close_keeping_errno(fd);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) break;
        if (note_entry(fd, l, entry->d_type, entry->d_name) != 0) break;
    }
    int e = errno;
    (void)closedir(stream);
    errno = e;
    return e == 0 ? 0 : -1;
}
#endif

void blaze_free_listing(struct blaze_listing *l) {
    free(l->entries);
    free(l->scratch);
    memset(l, 0, sizeof *l);
}

#if defined(__linux__)
int blaze_each_mount(void *context, void (*body)(void *, const char *, const char *, int)) {
    FILE *table = setmntent("/proc/self/mounts", "re");
    if (table == NULL) return -1;
    enum { line_size = 64 << 10 };
    char *line = malloc(line_size);
    if (line != NULL) {
        struct mntent entry;
        while (getmntent_r(table, &entry, line, line_size) != NULL) body(context, entry.mnt_dir, entry.mnt_type, 0);
    }
    free(line);
    (void)endmntent(table);
    return line == NULL ? -1 : 0;
}
#elif defined(__APPLE__)
int blaze_each_mount(void *context, void (*body)(void *, const char *, const char *, int)) {
    int count = getfsstat(NULL, 0, MNT_NOWAIT);
    if (count < 0) return -1;
    // Room for some that are mounted between the two calls.
    size_t size = ((size_t)count + 16) * sizeof(struct statfs);
    struct statfs *all = malloc(size);
    if (all == NULL) return -1;
    count = getfsstat(all, (int)size, MNT_NOWAIT);
    for (int i = 0; i < count; i++)
        body(context, all[i].f_mntonname, all[i].f_fstypename, (all[i].f_flags & MNT_LOCAL) == 0);
    free(all);
    return count < 0 ? -1 : 0;
}
#endif
