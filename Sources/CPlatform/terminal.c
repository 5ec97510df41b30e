#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t noted_signal;
static void note_signal(int number) { noted_signal = number; }

static int64_t milliseconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// Another thread of the process may be the one that is interrupted, so that the wait here goes on: it looks this often.
enum { look_ms = 200 };

/// Waits a little for `fd` to be readable: 1, 0 when it is not yet, or -1. Signals other than those in `mask` end the wait.
/// select, because poll does not know terminals everywhere.
static int wait_for_input(int fd, int64_t left_ms, const sigset_t *mask) {
    fd_set set;
    if (fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timespec limit = {.tv_nsec = (left_ms < look_ms ? left_ms : look_ms) * 1000000};
    return pselect(fd + 1, &set, NULL, NULL, &limit, mask);
}

/// Whether another job has the terminal. One that controls no job of ours has no foreground for us.
static int is_in_background(int fd) {
    pid_t foreground = tcgetpgrp(fd);
    return foreground > 0 && foreground != getpgrp();
}

/// Reads until a line's end: the count, or -1. A negative `deadline` is none. The caught signals are blocked but for the waits.
static ssize_t read_line(int fd, int64_t deadline, const sigset_t *mask, unsigned char *buffer, size_t size) {
    size_t used = 0;
    for (;;) {
        int64_t left = deadline < 0 ? look_ms : deadline - milliseconds();
        if (left < 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        int ready = noted_signal ? -1 : wait_for_input(fd, left, mask);
        if (noted_signal) {
            errno = EINTR;
            return -1;
        }
        if (ready == 0) continue;
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return -1;
        unsigned char c = 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        // The process was moved to the background while it waited.
        if (n < 0 && errno == EIO && is_in_background(fd)) errno = EBUSY;
        if (n < 0) return -1;
        if (n == 0 && used == 0) {
            errno = ENODATA;
            return -1;
        }
        if (n == 0 || c == '\n' || c == '\r') return (ssize_t)used;
        if (used == size) {
            errno = EMSGSIZE;
            return -1;
        }
        buffer[used++] = c;
    }
}

ssize_t blaze_read_terminal_line(
    int fd, const char *prompt, int echo, int timeout_ms, unsigned char *buffer, size_t size, int *signal_number) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM, SIGTTIN, SIGTTOU};
    enum { count = sizeof caught / sizeof *caught };
    struct termios before, during;
    *signal_number = 0;
    if (tcgetattr(fd, &before) != 0) return -1;
    if (is_in_background(fd)) {
        errno = EBUSY;
        return -1;
    }
    int64_t deadline = timeout_ms < 0 ? -1 : milliseconds() + timeout_ms;
    // The handlers only note the signal, so that the terminal is put back before it takes effect. They can run nowhere
    // but in the wait, so that none is noted too late to end it.
    struct sigaction action, old[count];
    sigset_t blocked, mask;
    memset(&action, 0, sizeof action);
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&blocked);
    noted_signal = 0;
    for (int i = 0; i < count; i++) (void)sigaddset(&blocked, caught[i]);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &mask);
    for (int i = 0; i < count; i++) {
        // In the background, reading and setting fail instead of stopping the process.
        action.sa_handler = caught[i] == SIGTTIN || caught[i] == SIGTTOU ? SIG_IGN : note_signal;
        (void)sigaction(caught[i], &action, &old[i]);
    }
    during = before;
    during.c_lflag |= ICANON | ISIG;
    if (echo)
        during.c_lflag |= ECHO;
    else
        during.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    ssize_t done = -1;
    int error = 0;
    if (tcsetattr(fd, TCSAFLUSH, &during) == 0) {
        (void)!write(fd, prompt, strlen(prompt));
        done = read_line(fd, deadline, &mask, buffer, size);
        error = errno;
        if (!echo || done < 0) (void)!write(fd, "\n", 1);
        (void)tcsetattr(fd, TCSAFLUSH, &before);
    } else {
        error = errno;
    }
    for (int i = 0; i < count; i++) (void)sigaction(caught[i], &old[i], NULL);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    *signal_number = noted_signal;
    errno = error;
    return done;
}

int blaze_terminal_columns(int fd) {
    struct winsize w;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

int blaze_terminal_rows(int fd) {
    struct winsize w;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_row : 0;
}
