/* The one program of the test roots: commands one after the other, separated by `,`.
   Linked statically, so that a root needs nothing else. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "tool: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void append(FILE *out, const char *path) {
    FILE *in = fopen(path, "r");
    if (!in) fail(path);
    int c;
    while ((c = getc(in)) != EOF) putc(c, out);
    fclose(in);
}

/* A line for everything below a folder, in order of names. */
static void list(FILE *out, const char *root, const char *below) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, below);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, NULL);
    if (count < 0) fail(path);
    qsort(entries, count, sizeof *entries, (int (*)(const void *, const void *))alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        char child[8192], full[16384];
        snprintf(child, sizeof child, "%s%s%s", below, *below ? "/" : "", name);
        if (!*below && (!strcmp(name, "dev") || !strcmp(name, "proc") || !strcmp(name, "tmp") || !strcmp(name, "build")))
            continue;
        snprintf(full, sizeof full, "%s/%s", root, child);
        struct stat st;
        if (lstat(full, &st)) fail(full);
        if (S_ISDIR(st.st_mode)) {
            fprintf(out, "%s/\n", child);
            list(out, root, child);
        } else if (S_ISLNK(st.st_mode)) {
            char target[4096];
            ssize_t length = readlink(full, target, sizeof target - 1);
            if (length < 0) fail(full);
            target[length] = 0;
            fprintf(out, "%s -> %s\n", child, target);
        } else {
            fprintf(out, "%s %s %ld\n", child, st.st_mode & 0100 ? "executable" : "plain", (long)st.st_size);
        }
    }
}

static void command(int count, char **words) {
    const char *name = words[0];
    const char *last = words[count - 1];
    if (!strcmp(name, "cat") || !strcmp(name, "list")) { /* inputs... output */
        FILE *out = fopen(last, "w");
        if (!out) fail(last);
        if (*name == 'l') list(out, count > 2 ? words[1] : "/", "");
        else for (int i = 1; i < count - 1; i++) append(out, words[i]);
        fclose(out);
    } else if (!strcmp(name, "count")) { /* inputs... output */
        long bytes = 0;
        struct stat st;
        for (int i = 1; i < count - 1; i++) bytes += stat(words[i], &st) ? 0 : (long)st.st_size;
        FILE *out = fopen(last, "w");
        if (!out) fail(last);
        fprintf(out, "%ld", bytes);
        fclose(out);
    } else if (!strcmp(name, "write")) { /* path text */
        FILE *out = fopen(words[1], "w");
        if (!out) fail(words[1]);
        fputs(words[2], out);
        fclose(out);
    } else if (!strcmp(name, "print")) {
        for (int i = 1; i < count; i++) puts(words[i]);
        fflush(stdout);
    } else if (!strcmp(name, "mkdir")) {
        if (mkdir(words[1], 0755)) fail(words[1]);
    } else if (!strcmp(name, "chmod")) { /* path mode */
        if (chmod(words[1], strtol(words[2], NULL, 8))) fail(words[1]);
    } else if (!strcmp(name, "symlink")) { /* target path */
        if (symlink(words[1], words[2])) fail(words[2]);
    } else if (!strcmp(name, "link")) { /* path path */
        if (link(words[1], words[2])) fail(words[2]);
    } else if (!strcmp(name, "exit")) {
        exit(atoi(words[1]));
    } else if (!strcmp(name, "kill")) {
        signal(atoi(words[1]), SIG_DFL);
        kill(getpid(), atoi(words[1]));
        raise(atoi(words[1]));
        abort();
    } else if (!strcmp(name, "wait")) {
        for (;;) pause();
    } else if (!strcmp(name, "token")) { /* output: what the jobserver gives */
        char token = 0;
        if (read(4, &token, 1) != 1 || write(5, &token, 1) != 1) fail("jobserver");
        FILE *out = fopen(last, "w");
        if (!out) fail(last);
        fprintf(out, "%s: %c", getenv("MAKEFLAGS"), token);
        fclose(out);
    } else if (!strcmp(name, "connect")) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
        inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
        if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address)) fail("connect");
    } else {
        fprintf(stderr, "tool: unknown command %s\n", name);
        exit(64);
    }
}

int main(int count, char **words) {
    umask(022);
    for (int start = 1; start < count;) {
        int end = start;
        while (end < count && strcmp(words[end], ",")) end++;
        if (end > start) command(end - start, words + start);
        start = end + 1;
    }
    return 0;
}
