/* clients: legitimate HTTP clients of the kernel's TCP, at a fixed rate of new connections (open loop), one request each.

     clients --to ADDR --rate N --seconds S [--port N] [--path PATH] [--bytes N] [--limit S]

   A connection is complete when the response has come whole, with the right bytes, and the server has closed after us. Times count from
   the moment at which the connection was due. Prints JSON: for each connection the moment it was due (CLOCK_MONOTONIC, s), connect and
   whole time (µs, -1: did not come to it), how it ended, and how many segments the kernel sent again. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SECONDS = 300, MOST_CONNECTIONS = 200000, HEAD = 512 };

struct client {
    double due;
    int fd; /* -1: not begun, or ended */
    int32_t connect_us, whole_us;
    const char *outcome;
    uint32_t resent;
    uint32_t head_size, body_size;
    bool has_head;
    char head[HEAD];
};

struct job {
    struct sockaddr_storage to;
    socklen_t to_size;
    char request[256];
    uint32_t bytes;
    int epoll;
    struct client *clients;
};

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int32_t us_since(double then) { return (int32_t)((now_s() - then) * 1e6); }

static void end(struct client *client, const char *outcome) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (client->fd >= 0) {
        getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
        close(client->fd);
    }
    client->resent = info.tcpi_total_retrans;
    client->fd = -1;
    client->outcome = outcome;
}

static const char *name_of(int error) {
    switch (error) {
        case ECONNREFUSED: return "refused";
        case ECONNRESET: return "reset";
        case ETIMEDOUT: return "timed_out";
        case EHOSTUNREACH: return "unreachable";
        default: return "other";
    }
}

static void begin(struct job *job, uint32_t index) {
    struct client *client = &job->clients[index];
    client->fd = socket(job->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) return end(client, "no_socket");
    if (connect(client->fd, (struct sockaddr *)&job->to, job->to_size) != 0 && errno != EINPROGRESS) return end(client, name_of(errno));
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    epoll_ctl(job->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void connected(struct job *job, uint32_t index) {
    struct client *client = &job->clients[index];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end(client, name_of(error));
    client->connect_us = us_since(client->due);
    if (send(client->fd, job->request, strlen(job->request), MSG_NOSIGNAL) < 0) return end(client, name_of(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(job->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

/* Takes bytes of the response. Returns false when one of them is wrong. */
static bool took(struct job *job, struct client *client, const char *bytes, size_t size) {
    size_t at = 0;
    for (; at < size && !client->has_head; ++at) {
        if (client->head_size == HEAD) return false;
        client->head[client->head_size++] = bytes[at];
        client->has_head = client->head_size >= 4 && memcmp(client->head + client->head_size - 4, "\r\n\r\n", 4) == 0;
    }
    if (client->has_head && memcmp(client->head, "HTTP/1.1 200 ", 13) != 0) return false;
    for (; at < size; ++at)
        if (bytes[at] != 'a' + (int)(client->body_size++ % 26)) return false;
    return client->body_size <= job->bytes;
}

static void readable(struct job *job, struct client *client) {
    char bytes[16384];
    for (;;) {
        ssize_t size = recv(client->fd, bytes, sizeof bytes, 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size < 0) return end(client, name_of(errno));
        bool is_whole = client->has_head && client->body_size == job->bytes;
        if (size == 0) {
            client->whole_us = us_since(client->due);
            return end(client, is_whole ? "complete" : "cut");
        }
        if (!took(job, client, bytes, (size_t)size)) return end(client, "wrong_bytes");
        if (!is_whole && client->has_head && client->body_size == job->bytes) shutdown(client->fd, SHUT_WR);
    }
}

static int run(struct job *job, double rate, double seconds, double limit) {
    uint32_t count = (uint32_t)(rate * seconds), begun = 0, oldest = 0;
    if (count == 0 || count > MOST_CONNECTIONS) return 2;
    job->clients = calloc(count, sizeof *job->clients);
    double start = now_s();
    for (uint32_t i = 0; i < count; ++i)
        job->clients[i] = (struct client){.due = start + (double)i / rate, .fd = -1, .connect_us = -1, .whole_us = -1};
    while (oldest < count) {
        double now = now_s();
        for (; begun < count && job->clients[begun].due <= now; ++begun) begin(job, begun);
        for (; oldest < begun && (job->clients[oldest].outcome != NULL || job->clients[oldest].due + limit < now); ++oldest)
            if (job->clients[oldest].outcome == NULL) end(&job->clients[oldest], job->clients[oldest].connect_us < 0 ? "no_connect" : "no_end");
        struct epoll_event events[64];
        int n = epoll_wait(job->epoll, events, 64, 1);
        for (int i = 0; i < n; ++i) {
            struct client *client = &job->clients[events[i].data.u32];
            if (client->fd < 0) continue;
            if (client->connect_us < 0)
                connected(job, events[i].data.u32);
            else
                readable(job, client);
        }
    }
    printf("[");
    for (uint32_t i = 0; i < count; ++i) {
        const struct client *client = &job->clients[i];
        printf("%s[%.6f, %d, %d, \"%s\", %u]", i ? ",\n" : "", client->due, client->connect_us, client->whole_us, client->outcome, client->resent);
    }
    printf("]\n");
    return 0;
}

int main(int argc, char **argv) {
    struct job job = {.bytes = 2};
    const char *to = "", *path = "/";
    double rate = 100, seconds = 0, limit = 10;
    int port = 80, option;
    static const struct option options[] = {{"to", 1, 0, 't'},   {"rate", 1, 0, 'r'},  {"seconds", 1, 0, 's'}, {"port", 1, 0, 'p'},
                                            {"path", 1, 0, 'a'}, {"bytes", 1, 0, 'b'}, {"limit", 1, 0, 'l'},   {0, 0, 0, 0}};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 't': to = optarg; break;
            case 'r': rate = atof(optarg); break;
            case 's': seconds = atof(optarg); break;
            case 'p': port = atoi(optarg); break;
            case 'a': path = optarg; break;
            case 'b': job.bytes = (uint32_t)atoi(optarg); break;
            case 'l': limit = atof(optarg); break;
            default: return 2;
        }
    }
    if (seconds <= 0 || seconds > MOST_SECONDS || strlen(path) > 100) {
        fprintf(stderr, "usage: clients --to ADDR --rate N --seconds S (at most 300)\n");
        return 2;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&job.to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&job.to;
    if (inet_pton(AF_INET, to, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        job.to_size = sizeof *v4;
    } else if (inet_pton(AF_INET6, to, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        job.to_size = sizeof *v6;
    } else {
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)(seconds + limit) + 10);
    struct rlimit files = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    snprintf(job.request, sizeof job.request, "GET %s HTTP/1.1\r\nHost: s\r\n\r\n", path);
    job.epoll = epoll_create1(EPOLL_CLOEXEC);
    return run(&job, rate, seconds, limit);
}
