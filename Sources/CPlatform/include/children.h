#ifndef BLAZE_CHILDREN_H
#define BLAZE_CHILDREN_H

// Programs that this one starts and waits for. Every function returns -1 and sets errno on failure.

#include <sys/types.h>

/// Starts `path` (looked for in PATH when it has no slash), with empty signal mask and SIGPIPE as usual. `streams` are the
/// descriptors that become its 0, 1, 2 and 3; -1 leaves it what this process has there. Nothing else of ours is
/// handed on: our descriptors are close-on-exec. Its process id.
pid_t blaze_spawn(const char *path, char *const argv[], char *const envp[], const int streams[4]);
/// Starts `sh -c command` with `output_fd` as its standard output; its process id.
pid_t blaze_spawn_shell(const char *command, int output_fd);
/// Waits for a process to end, at most `timeout_ms` (negative: for ever); its status as waitpid gives it goes to
/// `status`. ETIMEDOUT when it runs on.
int blaze_wait_for_child(pid_t child, int timeout_ms, int *status);
/// From here until `blaze_end_forwarding`, SIGTERM, SIGHUP, SIGINT and SIGQUIT that come to this process go on to the
/// child that `blaze_forward_to` names, and do nothing else. What a terminal sends reaches the child without us and is not
/// sent twice. A signal that is ignored stays so. One at a time in a process.
void blaze_begin_forwarding(void);
void blaze_forward_to(pid_t child);
void blaze_end_forwarding(void);

#endif
