#ifndef BLAZE_CSYSTEMD_H
#define BLAZE_CSYSTEMD_H

// What logind tells over D-Bus (org.freedesktop.login1(5)), by libsystemd's sd-bus. A target of its own, so that clients
// do not load libsystemd. Every function returns a negative error number on failure; without systemd, -ENOTSUP.
// One thread at a time.

#include <sys/types.h>

struct blaze_logind;

enum blaze_logind_event {
    BLAZE_LOGIND_NOTHING = 0,
    /// The descriptor that ends waiting became readable.
    BLAZE_LOGIND_INTERRUPTED,
    /// The machine is about to sleep; it waits for `blaze_logind_let_sleep` for some seconds where a sleep lock is held.
    BLAZE_LOGIND_SLEEP,
    /// It has slept, or did not after all.
    BLAZE_LOGIND_WAKE,
    /// A session of the user was locked.
    BLAZE_LOGIND_LOCK,
    /// The last session of the user has ended.
    BLAZE_LOGIND_LOGOUT,
    /// The machine is about to be shut down or restarted.
    BLAZE_LOGIND_SHUTDOWN
};

/// Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS, else its usual place), asks logind to tell what happens, and
/// takes the sleep lock. `sessions_before` is how many sessions the user had when an earlier connection broke, or 0.
/// Gives up when `interrupt_fd` becomes readable (-ECANCELED).
int blaze_logind_open(uid_t uid, int sessions_before, int timeout_ms, int interrupt_fd, struct blaze_logind **out);
/// Waits for the next event, at most so long. An error means that the connection is of no use any more.
int blaze_logind_wait(struct blaze_logind *logind, int timeout_ms, int interrupt_fd);
/// Asks how many sessions the user has, which tells a last session that ended without a signal: logind keeps it until
/// the last process in it has ended, which may be this one. LOGOUT then comes from `blaze_logind_wait`.
int blaze_logind_recount(struct blaze_logind *logind);
/// Gives the sleep lock back; after WAKE it is taken again.
void blaze_logind_let_sleep(struct blaze_logind *logind);
/// 1 when a sleep lock is held.
int blaze_logind_delays_sleep(const struct blaze_logind *logind);
/// How many sessions the user had when they were last counted.
int blaze_logind_sessions(const struct blaze_logind *logind);
void blaze_logind_close(struct blaze_logind *logind);

#endif
