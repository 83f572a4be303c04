/* What the containers of the tests run: one program, linked statically, that does what its first argument says. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    inet_pton(AF_INET, host, &in.sin_addr);
    return in;
}

/* Answers every request with the request's first line, and closes. A plain process is told its port by PORT. */
static int serve(const char *host, const char *port) {
    if (getenv("PORT")) port = getenv("PORT");
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = address(host, port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&in, sizeof in) || listen(listener, 64)) return fail("listen");
    printf("listening\n");
    for (;;) {
        char request[4096], answer[8192];
        int peer = accept(listener, NULL, NULL);
        ssize_t length = recv(peer, request, sizeof request - 1, 0);
        request[length < 0 ? 0 : length] = 0;
        request[strcspn(request, "\r\n")] = 0;
        length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                          strlen(request) + 1, request);
        if (send(peer, answer, length, MSG_NOSIGNAL) < 0) printf("send: %s\n", strerror(errno));
        close(peer);
    }
}

/* Reads until the client has said all, and only then says how much it was. */
static int swallow(const char *port) {
    if (getenv("PORT")) port = getenv("PORT");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = address("0.0.0.0", port);
    if (bind(listener, (struct sockaddr *)&in, sizeof in) || listen(listener, 1)) return fail("listen");
    printf("listening\n");
    int peer = accept(listener, NULL, NULL);
    char buffer[65536];
    long total = 0;
    for (ssize_t length; (length = recv(peer, buffer, sizeof buffer, 0)) > 0;) total += length;
    int length = snprintf(buffer, sizeof buffer, "%ld", total);
    if (send(peer, buffer, length, MSG_NOSIGNAL) < 0) return fail("send");
    return 0;
}

static int fetch(const char *host, const char *port) {
    struct sockaddr_in in = address(host, port);
    char answer[8192];
    int length = 0;
    for (int attempt = 0; attempt < 1000; attempt++) {
        int peer = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(peer, (struct sockaddr *)&in, sizeof in) == 0) {
            send(peer, "GET /peer\r\n\r\n", 13, MSG_NOSIGNAL);
            for (int got; (got = recv(peer, answer + length, sizeof answer - length, 0)) > 0;) length += got;
            if (length > 0) {
                printf("%.*s", length, answer);
                return 0;
            }
        }
        close(peer);
        usleep(10000);
    }
    return fail("connect");
}

static int show(int count, char **arguments) {
    char directory[4096];
    gid_t groups[64];
    for (int i = 0; i < count; i++) printf("arg %s\n", arguments[i]);
    for (char **variable = environ; *variable; variable++) printf("env %s\n", *variable);
    printf("cwd %s\n", getcwd(directory, sizeof directory));
    printf("ids %d %d", getuid(), getgid());
    int listed = getgroups(64, groups);
    for (int i = 0; i < listed; i++) printf(" %d", groups[i]);
    printf("\n");
    return 0;
}

static int code;
static void leave(int signal) {
    (void)signal;
    _exit(code);
}

static void wait_for_ever(void) {
    printf("ready\n");
    for (;;) pause();
}

/* Orphans that end at once; then looks for the dead among all processes. */
static int orphans(int count) {
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            setsid();
            if (fork() == 0) _exit(0);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    for (int attempt = 0; attempt < 1000; attempt++) {
        int dead = 0;
        DIR *processes = opendir("/proc");
        if (!processes) return fail("/proc");
        for (struct dirent *entry; (entry = readdir(processes));) {
            char path[300], line[512], state;
            snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
            FILE *stat = fopen(path, "r");
            if (!stat) continue;
            if (fgets(line, sizeof line, stat) && sscanf(line, "%*d (task) %c", &state) == 1 && state == 'Z') dead++;
            fclose(stat);
        }
        closedir(processes);
        if (dead == 0) {
            printf("no zombies\n");
            return 0;
        }
        usleep(10000);
    }
    printf("zombies\n");
    return 1;
}

/* Leaves a process behind that will not end by itself. */
static int abandon(void) {
    pid_t child = fork();
    if (child == 0) {
        setsid();
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
    }
    printf("left %d\n", child);
    return 0;
}

static void count_for_ever(void) {
    for (long number = 0;; number++) {
        printf("line %ld\n", number);
        if (number % 5 == 4) usleep(1000);
    }
}

static int list(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return fail(path);
    for (struct dirent *entry; (entry = readdir(directory));) printf("%s\n", entry->d_name);
    return 0;
}

static int copy_out(const char *path) {
    char buffer[4096];
    FILE *file = fopen(path, "r");
    if (!file) return fail(path);
    for (size_t length; (length = fread(buffer, 1, sizeof buffer, file)) > 0;) fwrite(buffer, 1, length, stdout);
    return 0;
}

static int put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file)) return fail(path);
    printf("written\n");
    return 0;
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *what = count > 1 ? arguments[1] : "";
    const char *first = count > 2 ? arguments[2] : "", *second = count > 3 ? arguments[3] : "";
    if (!strcmp(what, "serve")) return serve("0.0.0.0", first);
    if (!strcmp(what, "serve-locally")) return serve("127.0.0.1", first);
    if (!strcmp(what, "swallow")) return swallow(first);
    if (!strcmp(what, "fetch")) return fetch(first, second);
    if (!strcmp(what, "show")) return show(count, arguments);
    if (!strcmp(what, "exit")) return atoi(first);
    if (!strcmp(what, "abort")) abort();
    if (!strcmp(what, "orphans")) return orphans(atoi(first));
    if (!strcmp(what, "abandon")) return abandon();
    if (!strcmp(what, "count")) count_for_ever();
    if (!strcmp(what, "list")) return list(first);
    if (!strcmp(what, "read")) return copy_out(first);
    if (!strcmp(what, "put")) return put(first, second);
    if (!strcmp(what, "say")) {
        printf("to stdout\n");
        fprintf(stderr, "to stderr\n");
        printf("no line end");
        fflush(stdout);
        return 0;
    }
    if (!strcmp(what, "wait")) {
        code = atoi(first);
        signal(SIGTERM, leave);
        wait_for_ever();
    }
    if (!strcmp(what, "stubborn")) {
        signal(SIGTERM, SIG_IGN);
        wait_for_ever();
    }
    printf("unknown: %s\n", what);
    return 64;
}
