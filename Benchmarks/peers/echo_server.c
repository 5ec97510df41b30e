/* echo_server SOCKET BYTES
 *
 * The yardstick for ping: a thread for each connection, which takes a frame (16 bytes of header, the first four of them
 * the length of what follows) and answers with a frame of BYTES bytes. Nothing is looked at, nothing is allocated. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { header_bytes = 16, most_bytes = 4096 };
static size_t answer_bytes;

static int take(int fd, unsigned char *buffer, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t n = recv(fd, buffer + done, count - done, 0);
        if (n <= 0) return 0;
        done += (size_t)n;
    }
    return 1;
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    unsigned char frame[most_bytes];
    unsigned char answer[most_bytes] = {0};
    uint32_t length = htonl((uint32_t)(answer_bytes - header_bytes));
    memcpy(answer, &length, 4);
    while (take(fd, frame, header_bytes)) {
        memcpy(&length, frame, 4);
        if (ntohl(length) > most_bytes || !take(fd, frame, ntohl(length))) break;
        if (send(fd, answer, answer_bytes, MSG_NOSIGNAL) != (ssize_t)answer_bytes) break;
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: echo_server SOCKET BYTES\n");
        return 2;
    }
    answer_bytes = strtoul(argv[2], NULL, 10);
    if (answer_bytes < header_bytes || answer_bytes > most_bytes) return 2;
    strcpy(address.sun_path, argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 128) != 0) {
        perror("echo_server");
        return 1;
    }
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) {
            perror("echo_server");
            return 1;
        }
        pthread_detach(thread);
    }
}
