#ifndef BLAZE_CPLATFORM_H
#define BLAZE_CPLATFORM_H

// What Swift cannot import, or imports differently on Linux and macOS. Every function returns -1 and sets errno
// on failure, as the call that it wraps does.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "children.h"
#include "directories.h"
#include "terminal.h"

/// The process at the other end of a connected Unix socket (SO_PEERCRED, or LOCAL_PEERCRED and LOCAL_PEERPID).
struct blaze_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};
int blaze_peer_credentials(int fd, struct blaze_peer *out);

/// The longest path, in bytes and without its NUL, that a Unix socket address holds here.
size_t blaze_unix_path_limit(void);
/// A close-on-exec stream socket, bound to `path` with mode 0600 and listening.
int blaze_unix_listen(const char *path, int backlog);
/// Makes a listening stream socket that this process was given its own: close-on-exec, not waiting, and with this
/// process as the one that clients see at the other end. Its path goes to `path`. EAFNOSUPPORT or ENOTSOCK when it is
/// no Unix socket, EPROTOTYPE when it is no stream, EINVAL when it does not listen, EADDRNOTAVAIL without an absolute
/// path.
int blaze_unix_adopt(int fd, int backlog, char *path, size_t size);
/// Lets `fd` stand for what `by` does, close-on-exec, and closes `by` in any case.
int blaze_replace_descriptor(int fd, int by);
/// A close-on-exec stream socket, connected to `path` within `timeout_ms` (ETIMEDOUT after that).
int blaze_unix_connect(const char *path, int timeout_ms);
/// accept, close-on-exec.
int blaze_accept(int fd);
/// send without SIGPIPE and without waiting.
ssize_t blaze_send(int fd, const void *bytes, size_t count);
/// The flag that makes recv return at once.
int blaze_dont_wait(void);
/// A close-on-exec pipe.
int blaze_pipe(int fds[2]);

/// Opens a file for reading: close-on-exec, never blocking on a FIFO or device, and without touching the access
/// time where the system allows it.
int blaze_open_for_reading(const char *path);
/// Opens a file for reading and writing: close-on-exec, never blocking on a FIFO or device, and never through a link: what
/// is changed is to be where its name says.
int blaze_open_for_writing(const char *path);
/// Makes a file's contents and size durable, on macOS through the drive's cache.
int blaze_sync_file(int fd);
/* Gives an empty file the blocks of another one (FICLONE); -1 where the file system, or the system, cannot. */
int blaze_clone_file(int to, int from);
/// Lets the system begin to write a part of a file to the disk, so that a later sync has less to do. Waits for nothing.
void blaze_start_writing(int fd, int64_t offset, int64_t count);
/// Clears the vector registers, where ciphers leave round keys.
void blaze_zero_registers(void);
/// Where the next byte that is not in a hole stands at or behind `offset`; -1 with ENXIO when there is none.
/// A system without holes answers `offset`.
int64_t blaze_seek_data(int fd, int64_t offset);

/// The two numbers that a device (st_dev) is shown as.
uint64_t blaze_device_major(uint64_t device);
uint64_t blaze_device_minor(uint64_t device);
/// 1 when `path` is on a file system that other machines may use at the same time, or whose locks the kernel does not
/// keep itself (NFS, SMB, FUSE, 9P, cluster file systems); 0 when not; -1 when unknown.
int blaze_is_shared_file_system(const char *path);
/// 1 when stat may show another device for `path` than the kernel's own tables do (btrfs, overlayfs, bcachefs); 0 when
/// not, -1 when unknown.
int blaze_hides_its_device(const char *path);

/// A close-on-exec file of mode 0600 in `directory` that has no name yet, so that it goes with its process; -1 with
/// EOPNOTSUPP, EISDIR or ENOENT where the system or file system has no such files.
int blaze_open_unnamed(const char *directory);
/// Gives a file from `blaze_open_unnamed` its name; EEXIST when the name is taken.
int blaze_name_file(int fd, const char *path);

/// Puts something useless at each of the descriptors 0, 1 and 2 that is closed, so that no file or socket opened later
/// takes the place of a standard stream; using it fails as using a closed one does.
int blaze_occupy_standard_streams(void);
/// Forbids core dumps (RLIMIT_CORE 0).
int blaze_disable_core_dumps(void);
/// Forbids tracing and memory reading by other processes of the same user.
int blaze_disable_tracing(void);
/// Names the calling thread for debuggers and top.
void blaze_name_thread(const char *name);
/// The executable of a process, or -1.
ssize_t blaze_executable_path(pid_t pid, char *buffer, size_t size);
/// Waits for one of SIGTERM, SIGINT, SIGHUP; they must be blocked in every thread. The signal, or -1.
int blaze_wait_for_signal(void);
/// Blocks SIGTERM, SIGINT, SIGHUP for this thread and those that it starts, and ignores SIGPIPE.
int blaze_block_signals(void);
/// Columns that a character takes on a terminal in the process's locale; 1 where that is unknown.
int blaze_display_width(uint32_t scalar);
/// Takes the environment's locale for character widths.
void blaze_use_locale(void);
/// Lets SIGINT, SIGTERM, SIGHUP and SIGQUIT end the process with status 128 and the signal's number, after `words` (kept
/// by the caller until then) were written to `fd`; a signal that is ignored stays so.
int blaze_exit_on_signals(int fd, const char *words);
/// Starts `path` in a session of its own, as a grandchild that nobody has to wait for. Its standard streams are
/// /dev/null, `ready_fd` becomes its descriptor 3, and it gets no other. `argv` and `envp` end with NULL.
int blaze_spawn_detached(const char *path, char *const argv[], char *const envp[], int ready_fd);
/// Sends one datagram to a supervisor's socket: a path, or '@' and an abstract name (sd_notify(3)).
int blaze_notify_supervisor(const char *socket_name, const char *state);
/// 1 when the process is stopped (SIGSTOP, or by a debugger), 0 when not, -1 when the system does not tell.
int blaze_process_is_stopped(pid_t pid);
/// Raises the limit on open descriptors to `wanted`, or as far as it goes; what it is then, at most `wanted`, or -1.
long blaze_raise_descriptor_limit(long wanted);

#endif
