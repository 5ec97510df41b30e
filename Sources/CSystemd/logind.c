#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CSystemd.h"

#include <errno.h>

#if defined(__linux__)

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

static const char service[] = "org.freedesktop.login1";
static const char manager_path[] = "/org/freedesktop/login1";
static const char manager[] = "org.freedesktop.login1.Manager";
static const char session[] = "org.freedesktop.login1.Session";

// Somebody with more sessions than this has enough of them to count as logged in.
enum { queue_size = 32, counted_sessions = 64 };

struct blaze_logind {
    sd_bus *bus;
    uid_t uid;
    int sleep_lock;
    int sessions;
    int has_news;
    unsigned char queue[queue_size];
    int queued;
};

static void tell(struct blaze_logind *l, enum blaze_logind_event event) {
    // A full queue holds everything that could follow from another event.
    if (l->queued < queue_size) l->queue[l->queued++] = (unsigned char)event;
}

static int64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void take_sleep_lock(struct blaze_logind *l) {
    if (l->sleep_lock >= 0) return;
    sd_bus_message *reply = NULL;
    int fd = -1;
    int r = sd_bus_call_method(
        l->bus, service, manager_path, manager, "Inhibit", NULL, &reply, "ssss", "sleep", "blazedb-agent",
        "Keys are wiped before the machine sleeps", "delay");
    if (r >= 0 && sd_bus_message_read(reply, "h", &fd) >= 0) l->sleep_lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    // Without the lock everything works, only that the machine may sleep a moment before the keys are gone.
    (void)sd_bus_message_unref(reply);
}

static int on_sleep(sd_bus_message *m, void *context, sd_bus_error *error) {
    (void)error;
    int begins = 0;
    if (sd_bus_message_read(m, "b", &begins) < 0) return 0;
    tell(context, begins ? BLAZE_LOGIND_SLEEP : BLAZE_LOGIND_WAKE);
    return 0;
}

static int on_shutdown(sd_bus_message *m, void *context, sd_bus_error *error) {
    (void)error;
    int begins = 0;
    if (sd_bus_message_read(m, "b", &begins) >= 0 && begins) tell(context, BLAZE_LOGIND_SHUTDOWN);
    return 0;
}

static int on_session_list(sd_bus_message *m, void *context, sd_bus_error *error) {
    (void)m;
    (void)error;
    ((struct blaze_logind *)context)->has_news = 1;
    return 0;
}

/// Whether a session is the user's. One that cannot be asked counts as theirs: locking too often is the safe mistake.
static int is_ours(struct blaze_logind *l, const char *path) {
    sd_bus_message *reply = NULL;
    uint32_t uid = (uint32_t)l->uid;
    if (path != NULL && sd_bus_get_property(l->bus, service, path, session, "User", NULL, &reply, "(uo)") >= 0)
        (void)sd_bus_message_read(reply, "(uo)", &uid, NULL);
    (void)sd_bus_message_unref(reply);
    return uid == (uint32_t)l->uid;
}

static int on_lock(sd_bus_message *m, void *context, sd_bus_error *error) {
    (void)error;
    if (is_ours(context, sd_bus_message_get_path(m))) tell(context, BLAZE_LOGIND_LOCK);
    return 0;
}

/// Desktops that lock the screen by themselves say so in the property LockedHint.
static int on_properties(sd_bus_message *m, void *context, sd_bus_error *error) {
    (void)error;
    if (sd_bus_message_skip(m, "s") < 0 || sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0) return 0;
    int locked = 0;
    while (sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
        const char *name = NULL;
        if (sd_bus_message_read(m, "s", &name) < 0) return 0;
        int r = strcmp(name, "LockedHint") == 0 ? sd_bus_message_read(m, "v", "b", &locked)
                                                : sd_bus_message_skip(m, "v");
        if (r < 0 || sd_bus_message_exit_container(m) < 0) return 0;
    }
    if (locked && is_ours(context, sd_bus_message_get_path(m))) tell(context, BLAZE_LOGIND_LOCK);
    return 0;
}

/// Whether a session is one that somebody works in: no greeter, nothing in the background, and not left already.
static int is_lived_in(struct blaze_logind *l, const char *path) {
    char *class = NULL, *state = NULL;
    int is_left = sd_bus_get_property_string(l->bus, service, path, session, "State", NULL, &state) >= 0 &&
                  strcmp(state, "closing") == 0;
    int is_other = sd_bus_get_property_string(l->bus, service, path, session, "Class", NULL, &class) >= 0 &&
                   strncmp(class, "user", 4) != 0;
    free(class);
    free(state);
    return !is_left && !is_other;
}

int blaze_logind_recount(struct blaze_logind *l) {
    sd_bus_message *reply = NULL;
    int count = 0;
    int r = sd_bus_call_method(l->bus, service, manager_path, manager, "ListSessions", NULL, &reply, "");
    if (r >= 0) r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(susso)");
    while (r >= 0 && count < counted_sessions) {
        uint32_t uid = 0;
        const char *path = NULL;
        r = sd_bus_message_read(reply, "(susso)", NULL, &uid, NULL, NULL, &path);
        if (r <= 0) break;
        if (uid == (uint32_t)l->uid && is_lived_in(l, path)) count++;
    }
    (void)sd_bus_message_unref(reply);
    if (r < 0) return r;
    if (l->sessions > 0 && count == 0) tell(l, BLAZE_LOGIND_LOGOUT);
    l->sessions = count;
    l->has_news = 0;
    return 0;
}

/// Lets the bus work until it has nothing to do, then waits for it: 1 when time is over, -ECANCELED when interrupted.
static int step(struct blaze_logind *l, int64_t deadline, int interrupt_fd) {
    int r = sd_bus_process(l->bus, NULL);
    if (r != 0) return r < 0 ? r : 0;
    int events = sd_bus_get_events(l->bus);
    uint64_t bus_time = UINT64_MAX;
    if (events < 0) return events;
    if ((r = sd_bus_get_timeout(l->bus, &bus_time)) < 0) return r;
    int64_t left = deadline - now_ms();
    if (left <= 0) return 1;
    if (bus_time != UINT64_MAX) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        int64_t until = ((int64_t)bus_time - ((int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000)) / 1000 + 1;
        if (until < left) left = until > 0 ? until : 0;
    }
    struct pollfd fds[] = {
        {.fd = sd_bus_get_fd(l->bus), .events = (short)events}, {.fd = interrupt_fd, .events = POLLIN}};
    if (poll(fds, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR) return -errno;
    return fds[1].revents != 0 ? -ECANCELED : 0;
}

static int add_matches(struct blaze_logind *l) {
    static const struct {
        const char *rule;
        sd_bus_message_handler_t handler;
    } matches[] = {
        {"interface='org.freedesktop.login1.Manager',member='PrepareForSleep'", on_sleep},
        {"interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'", on_shutdown},
        {"interface='org.freedesktop.login1.Manager',member='SessionNew'", on_session_list},
        {"interface='org.freedesktop.login1.Manager',member='SessionRemoved'", on_session_list},
        {"interface='org.freedesktop.login1.Session',member='Lock'", on_lock},
        {"interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='org.freedesktop.login1.Session'",
         on_properties},
    };
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        char rule[256] = "type='signal',sender='org.freedesktop.login1',";
        strncat(rule, matches[i].rule, sizeof rule - strlen(rule) - 1);
        // Not waited for one by one: the count of sessions that follows is answered after all of them.
        int r = sd_bus_add_match_async(l->bus, NULL, rule, matches[i].handler, NULL, l);
        if (r < 0) return r;
    }
    return 0;
}

int blaze_logind_open(uid_t uid, int sessions_before, int timeout_ms, int interrupt_fd, struct blaze_logind **out) {
    struct blaze_logind *l = calloc(1, sizeof *l);
    if (l == NULL) return -ENOMEM;
    l->uid = uid;
    l->sleep_lock = -1;
    l->sessions = sessions_before;
    int64_t deadline = now_ms() + timeout_ms;
    int r = sd_bus_open_system(&l->bus);
    if (r >= 0) r = sd_bus_set_method_call_timeout(l->bus, (uint64_t)timeout_ms * 1000);
    // A bus that accepts and then says nothing would keep a call waiting for much longer than its own limit.
    while (r >= 0 && (r = sd_bus_is_ready(l->bus)) == 0) {
        r = step(l, deadline, interrupt_fd);
        if (r > 0) r = -ETIMEDOUT;
    }
    if (r >= 0) r = add_matches(l);
    if (r >= 0) r = blaze_logind_recount(l);
    if (r < 0) {
        blaze_logind_close(l);
        return r;
    }
    take_sleep_lock(l);
    *out = l;
    return 0;
}

int blaze_logind_wait(struct blaze_logind *l, int timeout_ms, int interrupt_fd) {
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        if (l->queued > 0) {
            enum blaze_logind_event event = l->queue[0];
            memmove(l->queue, l->queue + 1, (size_t)--l->queued);
            if (event == BLAZE_LOGIND_WAKE) take_sleep_lock(l);
            return event;
        }
        int r = l->has_news ? blaze_logind_recount(l) : step(l, deadline, interrupt_fd);
        if (r == -ECANCELED) return BLAZE_LOGIND_INTERRUPTED;
        if (r < 0) return r;
        if (r > 0) return BLAZE_LOGIND_NOTHING;
    }
}

void blaze_logind_let_sleep(struct blaze_logind *l) {
    if (l->sleep_lock >= 0) (void)close(l->sleep_lock);
    l->sleep_lock = -1;
}

int blaze_logind_delays_sleep(const struct blaze_logind *l) { return l->sleep_lock >= 0; }
int blaze_logind_sessions(const struct blaze_logind *l) { return l->sessions; }

void blaze_logind_close(struct blaze_logind *l) {
    if (l == NULL) return;
    blaze_logind_let_sleep(l);
    (void)sd_bus_close_unref(l->bus);
    free(l);
}

#else

int blaze_logind_open(uid_t uid, int sessions_before, int timeout_ms, int interrupt_fd, struct blaze_logind **out) {
    (void)uid;
    (void)sessions_before;
    (void)timeout_ms;
    (void)interrupt_fd;
    (void)out;
    return -ENOTSUP;
}

int blaze_logind_wait(struct blaze_logind *logind, int timeout_ms, int interrupt_fd) {
    (void)logind;
    (void)timeout_ms;
    (void)interrupt_fd;
    return -ENOTSUP;
}

int blaze_logind_recount(struct blaze_logind *logind) {
    (void)logind;
    return -ENOTSUP;
}

void blaze_logind_let_sleep(struct blaze_logind *logind) { (void)logind; }
int blaze_logind_delays_sleep(const struct blaze_logind *logind) {
    (void)logind;
    return 0;
}
int blaze_logind_sessions(const struct blaze_logind *logind) {
    (void)logind;
    return 0;
}
void blaze_logind_close(struct blaze_logind *logind) { (void)logind; }

#endif
