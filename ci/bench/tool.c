/* tool OUTPUT WORD FILE...: writes a hash of WORD and of all FILEs to OUTPUT.
 *
 * The one action of the benchmarks: it does as little as an action can and still
 * depends on every input, and its output does not grow with the depth of the graph. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static unsigned long hash = 14695981039346656037UL;

static void add(const char *bytes, ssize_t length) {
    for (ssize_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211UL; /* FNV-1a */
}

int main(int argc, char **argv) {
    char buffer[4096];
    if (argc < 3)
        return 2;
    for (const char *c = argv[2]; *c; c++)
        add(c, 1);
    for (int i = 3; i < argc; i++) {
        int in = open(argv[i], O_RDONLY);
        if (in < 0)
            return 1;
        for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;)
            add(buffer, n);
        close(in);
    }
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int length = snprintf(buffer, sizeof buffer, "%016lx\n", hash);
    return out < 0 || write(out, buffer, length) != length;
}
