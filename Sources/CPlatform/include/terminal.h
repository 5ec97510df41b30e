#ifndef BLAZE_TERMINAL_H
#define BLAZE_TERMINAL_H

// Asking on a terminal. Every function returns -1 and sets errno on failure.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Reads one line from the terminal `fd`, prompting first, with or without echo: the count of bytes without the line's
/// end, or -1. A line longer than `size` fails with EMSGSIZE, the terminal's end with ENODATA, and when no whole line has
/// come within `timeout_ms` (negative: for ever) it is ETIMEDOUT. EBUSY when this process is not in the terminal's
/// foreground, where asking would stop it. A signal that ends or suspends programs fails with EINTR after the terminal has
/// been put back, and its number is left in `signal_number`.
ssize_t blaze_read_terminal_line(
    int fd, const char *prompt, int echo, int timeout_ms, unsigned char *buffer, size_t size, int *signal_number);
/// Columns of the terminal `fd`, or 0.
int blaze_terminal_columns(int fd);
/// Rows of the terminal `fd`, or 0.
int blaze_terminal_rows(int fd);

#endif
