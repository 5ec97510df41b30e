/* ping_load SOCKET CONNECTIONS SECONDS
 *
 * The client for both servers: on each connection, with a thread of its own, a hello and then one ping after the other.
 * Prints, as JSON: the round trips of all connections, the seconds, the median and the 99th percentile of the round trips
 * of the first connection in nanoseconds, and the bytes of a ping's answer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { header_bytes = 16, most_bytes = 65536, most_connections = 256, most_samples = 1 << 22 };

/* Header: length, kind 1 (request), flags 0, operation, request id, secret length. The body offers version 1. */
static const unsigned char hello[] = {0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x08, 0x01};
static const unsigned char ping[] = {0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0};

static atomic_int stopped;
static pthread_barrier_t ready;
static uint32_t *samples;
static size_t sample_count;

struct connection {
    int fd;
    int measured;
    uint64_t count;
    size_t answer_bytes;
};

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* One frame into a buffer, in as few calls as it comes in; its bytes. */
static size_t answer(int fd) {
    unsigned char buffer[most_bytes];
    size_t done = 0, wanted = header_bytes;
    while (done < wanted) {
        ssize_t n = recv(fd, buffer + done, sizeof buffer - done, 0);
        if (n <= 0) fail("recv");
        done += (size_t)n;
        if (done >= header_bytes) {
            uint32_t length;
            memcpy(&length, buffer, 4);
            wanted = header_bytes + ntohl(length);
            if (wanted > sizeof buffer) fail("an answer too long");
        }
    }
    return done;
}

static size_t call(int fd, const unsigned char *frame, size_t count) {
    if (send(fd, frame, count, MSG_NOSIGNAL) != (ssize_t)count) fail("send");
    return answer(fd);
}

static void *run(void *argument) {
    struct connection *c = argument;
    call(c->fd, hello, sizeof hello);
    pthread_barrier_wait(&ready);
    if (!c->measured) {
        while (!stopped) {
            call(c->fd, ping, sizeof ping);
            c->count++;
        }
        return NULL;
    }
    while (!stopped) {
        uint64_t start = now();
        c->answer_bytes = call(c->fd, ping, sizeof ping);
        uint64_t took = now() - start;
        c->count++;
        if (sample_count < most_samples) samples[sample_count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    }
    return NULL;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int count = argc == 4 ? atoi(argv[2]) : 0;
    double seconds = argc == 4 ? atof(argv[3]) : 0;
    if (count < 1 || count > most_connections || seconds <= 0 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: ping_load SOCKET CONNECTIONS SECONDS\n");
        return 2;
    }
    strcpy(address.sun_path, argv[1]);
    samples = malloc(sizeof *samples * most_samples);
    if (samples == NULL) fail("malloc");
    memset(samples, 0, sizeof *samples * most_samples);
    static struct connection connections[most_connections];
    static pthread_t threads[most_connections];
    pthread_barrier_init(&ready, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
        connections[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
        connections[i].measured = i == 0;
        if (connections[i].fd < 0 || connect(connections[i].fd, (struct sockaddr *)&address, sizeof address) != 0)
            fail("connect");
        if (pthread_create(&threads[i], NULL, run, &connections[i]) != 0) fail("pthread_create");
    }
    pthread_barrier_wait(&ready);
    uint64_t start = now();
    struct timespec wait = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&wait, NULL);
    stopped = 1;
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    double took = (double)(now() - start) / 1e9;
    uint64_t total = 0;
    for (int i = 0; i < count; i++) total += connections[i].count;
    if (sample_count == 0) fail("no round trip");
    qsort(samples, sample_count, sizeof *samples, ascending);
    printf("{\"round_trips\": %llu, \"seconds\": %.6f, \"median_ns\": %u, \"p99_ns\": %u, \"answer_bytes\": %zu}\n",
        (unsigned long long)total, took, samples[sample_count / 2], samples[sample_count * 99 / 100],
        connections[0].answer_bytes);
    return 0;
}
