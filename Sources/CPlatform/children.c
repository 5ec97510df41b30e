#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int fill_actions(posix_spawn_file_actions_t *actions, const int streams[4], int moved[4]) {
    for (int i = 0; i < 4; i++) {
        if (streams[i] < 0) continue;
        // Out of the way of 0 to 3, so that none of them is overwritten before it is used.
        moved[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, 10);
        if (moved[i] < 0) return errno;
        int e = posix_spawn_file_actions_adddup2(actions, moved[i], i);
        if (e != 0) return e;
    }
    return 0;
}

static int fill_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, usual;
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    int e = posix_spawnattr_setsigmask(attributes, &none);
    if (e == 0) e = posix_spawnattr_setsigdefault(attributes, &usual);
    return e != 0 ? e : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

pid_t blaze_spawn(const char *path, char *const argv[], char *const envp[], const int streams[4]) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int moved[4] = {-1, -1, -1, -1};
    pid_t child = -1;
    int e = posix_spawn_file_actions_init(&actions);
    if (e == 0) {
        if ((e = posix_spawnattr_init(&attributes)) == 0) {
            e = fill_attributes(&attributes);
            if (e == 0) e = fill_actions(&actions, streams, moved);
            if (e == 0) e = posix_spawnp(&child, path, &actions, &attributes, argv, envp);
            (void)posix_spawnattr_destroy(&attributes);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    for (int i = 0; i < 4; i++)
        if (moved[i] >= 0) (void)close(moved[i]);
    errno = e;
    return e == 0 ? child : -1;
}

pid_t blaze_spawn_shell(const char *command, int output_fd) {
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    const int streams[4] = {-1, output_fd, -1, -1};
    return blaze_spawn("/bin/sh", argv, environ, streams);
}

static const int forwarded[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
enum { forwarded_count = sizeof forwarded / sizeof *forwarded };
static struct sigaction before_forwarding[sizeof forwarded / sizeof *forwarded];
static volatile sig_atomic_t forward_target;
static volatile sig_atomic_t came_early[sizeof forwarded / sizeof *forwarded];

int blaze_wait_for_child(pid_t child, int timeout_ms, int *status) {
    // There is no waiting for a child with a limit that works everywhere and leaves SIGCHLD alone.
    enum { look_ms = 10 };
    int left = timeout_ms;
    if (timeout_ms < 0) {
        siginfo_t info;
        while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) != 0)
            if (errno != EINTR) return -1;
        // Its number may be another process's as soon as it has been waited for.
        if (forward_target == child) forward_target = 0;
    }
    for (;;) {
        pid_t done = waitpid(child, status, timeout_ms < 0 ? 0 : WNOHANG);
        if (done == child) return 0;
        if (done < 0 && errno != EINTR) return -1;
        if (timeout_ms < 0) continue;
        if (left <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        (void)poll(NULL, 0, left < look_ms ? left : look_ms);
        left -= look_ms;
    }
}

static void forward(int number, siginfo_t *info, void *context) {
    (void)context;
    // What the terminal sends has no sender, and goes to the whole group of processes in its foreground.
    int from_terminal = (number == SIGINT || number == SIGQUIT) && info->si_pid == 0;
    if (from_terminal) return;
    int e = errno;
    if (forward_target > 0) {
        (void)kill((pid_t)forward_target, number);
    } else {
        for (int i = 0; i < forwarded_count; i++)
            if (forwarded[i] == number) came_early[i] = 1;
    }
    errno = e;
}

void blaze_begin_forwarding(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = forward;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    (void)sigfillset(&action.sa_mask);
    forward_target = 0;
    for (int i = 0; i < forwarded_count; i++) {
        came_early[i] = 0;
        (void)sigaction(forwarded[i], NULL, &before_forwarding[i]);
        if (before_forwarding[i].sa_handler != SIG_IGN) (void)sigaction(forwarded[i], &action, NULL);
    }
}

void blaze_forward_to(pid_t child) {
    forward_target = (sig_atomic_t)child;
    for (int i = 0; i < forwarded_count; i++)
        if (came_early[i]) (void)kill(child, forwarded[i]);
}

void blaze_end_forwarding(void) {
    for (int i = 0; i < forwarded_count; i++) (void)sigaction(forwarded[i], &before_forwarding[i], NULL);
    forward_target = 0;
}
