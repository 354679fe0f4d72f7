// Says what a program in the sandbox sees. Each argument is a question or an act;
// an answer is one line on standard output. `exit=N` and `signal=N` end it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *outcome(long result)
{
    return result < 0 ? strerrorname_np(errno) : "ok";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
    char *names[512];
    int count = 0;
    DIR *folder = opendir(path);
    if (!folder) {
        printf("%s: %s\n", path, strerrorname_np(errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) && count < 512;)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            names[count++] = strdup(entry->d_name);
    closedir(folder);
    qsort(names, count, sizeof *names, by_name);
    printf("%s:", path);
    for (int i = 0; i < count; i++)
        printf(" %s", names[i]);
    printf("\n");
}

static void pids(void)
{
    DIR *folder = opendir("/proc");
    printf("pids:");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            printf(" %s", entry->d_name);
    printf("\n");
    closedir(folder);
}

static void descriptors(void)
{
    printf("fds:");
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    printf("\n");
}

static void status_line(const char *name)
{
    char line[512];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            fputs(line, stdout);
    if (file)
        fclose(file);
}

static void cat(const char *path)
{
    char text[4096];
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length < 0) {
        printf("%s: %s\n", path, strerrorname_np(errno));
    } else {
        text[length] = 0;
        printf("%s: %s\n", path, text);
    }
    close(fd);
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    printf("put %s: %s\n", path, outcome(fd < 0 ? -1 : write(fd, text, strlen(text))));
    close(fd);
}

static void mode(const char *path)
{
    struct stat found;
    if (lstat(path, &found))
        printf("%s: %s\n", path, strerrorname_np(errno));
    else
        printf(S_ISCHR(found.st_mode) ? "%s: %o\n" : "%s: %o %u:%u\n", path, found.st_mode, found.st_uid,
               found.st_gid);
}

static void network(void)
{
    struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(80)};
    inet_pton(AF_INET, "192.0.2.1", &outside.sin_addr);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    printf("outside: %s\n", outcome(connect(client, (void *)&outside, sizeof outside)));
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    bind(server, (void *)&here, sizeof here);
    listen(server, 1);
    getsockname(server, (void *)&here, &length);
    int second = socket(AF_INET, SOCK_STREAM, 0);
    printf("loopback: %s\n", outcome(connect(second, (void *)&here, sizeof here)));
}

static void sockets(void)
{
    struct { const char *name; int family, type, protocol; } tried[] = {
        {"unix", AF_UNIX, SOCK_STREAM, 0}, {"inet", AF_INET, SOCK_DGRAM, 0},
        {"route", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}, {"audit", AF_NETLINK, SOCK_RAW, NETLINK_AUDIT},
        {"packet", AF_PACKET, SOCK_RAW, 0}, {"vsock", AF_VSOCK, SOCK_STREAM, 0},
        {"alg", AF_ALG, SOCK_SEQPACKET, 0}, {"raw", AF_INET, SOCK_RAW, IPPROTO_ICMP},
    };
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
        printf("socket %s: %s\n", tried[i].name,
               outcome(socket(tried[i].family, tried[i].type, tried[i].protocol)));
}

static void calls(void)
{
    char buffer[64];
    printf("io_uring_setup: %s\n", outcome(syscall(SYS_io_uring_setup, 1, buffer)));
    printf("bpf: %s\n", outcome(syscall(SYS_bpf, 0, buffer, sizeof buffer)));
    printf("keyctl: %s\n", outcome(syscall(SYS_keyctl, 0, -3, 0)));
    printf("userfaultfd: %s\n", outcome(syscall(SYS_userfaultfd, 1)));
    printf("perf_event_open: %s\n", outcome(syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0)));
    printf("clone3: %s\n", outcome(syscall(SYS_clone3, buffer, 0)));
    printf("syslog: %s\n", outcome(syscall(SYS_syslog, 10, 0, 0)));
    printf("getgroups: %d\n", getgroups(0, 0));
    printf("clone user: %s\n", outcome(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)));
    printf("unshare user: %s\n", outcome(unshare(CLONE_NEWUSER)));
    printf("unshare mount: %s\n", outcome(unshare(CLONE_NEWNS)));
    printf("mount: %s\n", outcome(mount("x", "/tmp", "tmpfs", 0, "")));
    printf("chroot: %s\n", outcome(chroot("/tmp")));
    printf("sethostname: %s\n", outcome(sethostname("x", 1)));
    printf("mknod: %s\n", outcome(mknod("/tmp/device", S_IFBLK | 0600, 0x800)));
    printf("TIOCSTI: %s\n", outcome(ioctl(0, TIOCSTI, "x")));
    printf("TIOCSTI with high bits: %s\n", outcome(syscall(SYS_ioctl, 0, TIOCSTI | 1ul << 32, "x")));
    printf("x32: %s\n", outcome(syscall(0x40000000 | SYS_getpid)));
    printf("trace init: %s\n", outcome(ptrace(PTRACE_ATTACH, 1, 0, 0)));
    printf("kill init: %s\n", outcome(kill(1, SIGKILL)));
    printf("init's memory: %s\n", outcome(open("/proc/1/mem", O_RDONLY)));
}

static void limits(void)
{
    struct { const char *name; int resource; } asked[] = {
        {"core", RLIMIT_CORE}, {"nofile", RLIMIT_NOFILE}, {"stack", RLIMIT_STACK},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct rlimit limit;
        getrlimit(asked[i].resource, &limit);
        printf("limit %s: %ld\n", asked[i].name, (long)limit.rlim_cur);
    }
}

static void signals(void)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, 0, &blocked);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        sigaction(number, 0, &action);
        if (action.sa_handler != SIG_DFL || sigismember(&blocked, number))
            printf("signal %d is not as it should be\n", number);
    }
}

static void forks(int wanted)
{
    int made = 0;
    for (; made < wanted; made++) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (!child) {
            pause();
            _exit(0);
        }
    }
    printf("forks: %d %s\n", made, made < wanted ? strerrorname_np(errno) : "ok");
}

// Leaves a process in a session of its own that writes for as long as it lives.
static void orphan(const char *path)
{
    int ready[2];
    char byte;
    pipe(ready);
    if (!fork()) {
        setsid();
        if (!fork()) {
            int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
            for (write(ready[1], "x", 1);; usleep(1000))
                write(fd, "x", 1);
        }
        _exit(0);
    }
    read(ready[0], &byte, 1);
}

static void eat(size_t mebibytes)
{
    size_t length = mebibytes << 20;
    char *memory = mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        memset(memory, 1, length);
}

static void who(void)
{
    struct utsname name;
    char cwd[4096];
    uname(&name);
    mode_t mask = umask(0);
    umask(mask);
    printf("uid %d %d gid %d %d\n", getuid(), geteuid(), getgid(), getegid());
    printf("host %s domain %s\n", name.nodename, name.domainname);
    printf("cwd %s\n", getcwd(cwd, sizeof cwd));
    printf("umask %03o\n", mask);
    printf("personality %#x\n", personality(0xffffffff));
    printf("no new privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    printf("pid %d ppid %d sid %d pgrp %d\n", getpid(), getppid(), getsid(0), getpgrp());
    for (char **variable = environ; *variable; variable++)
        printf("env %s\n", *variable);
}

static void copy_input(void)
{
    char text[256];
    ssize_t length;
    while ((length = read(0, text, sizeof text)) > 0)
        fwrite(text, 1, length, stdout);
}

static void terminal(void)
{
    printf("terminal %d foreground %d group %d\n", isatty(0), tcgetpgrp(0) == getpgrp(), getpgrp());
}

static int act(char *argument)
{
    char *value = strchr(argument, '=');
    char *rest = 0;
    if (value)
        *value++ = 0;
    else
        value = "";
    if ((rest = strchr(value, '>')))
        *rest++ = 0;
    if (!strcmp(argument, "who")) who();
    else if (!strcmp(argument, "pids")) pids();
    else if (!strcmp(argument, "fds")) descriptors();
    else if (!strcmp(argument, "status")) status_line(value);
    else if (!strcmp(argument, "network")) network();
    else if (!strcmp(argument, "sockets")) sockets();
    else if (!strcmp(argument, "calls")) calls();
    else if (!strcmp(argument, "limits")) limits();
    else if (!strcmp(argument, "signals")) signals();
    else if (!strcmp(argument, "ls")) list(value);
    else if (!strcmp(argument, "cat")) cat(value);
    else if (!strcmp(argument, "mode")) mode(value);
    else if (!strcmp(argument, "put")) put(rest ? rest : "", value);
    else if (!strcmp(argument, "mkdir")) printf("mkdir %s: %s\n", value, outcome(mkdir(value, 0777)));
    else if (!strcmp(argument, "chmod0")) printf("chmod %s: %s\n", value, outcome(chmod(value, 0)));
    else if (!strcmp(argument, "rm")) printf("rm %s: %s\n", value, outcome(remove(value)));
    else if (!strcmp(argument, "mv")) printf("mv %s: %s\n", value, outcome(rename(value, rest)));
    else if (!strcmp(argument, "ln")) printf("ln %s: %s\n", value, outcome(symlink(value, rest)));
    else if (!strcmp(argument, "echo")) { printf("%s\n", value); fflush(stdout); }
    else if (!strcmp(argument, "stderr")) { fflush(stdout); fprintf(stderr, "%s\n", value); }
    else if (!strcmp(argument, "write4")) printf("write: %s\n", outcome(write(4, value, strlen(value))));
    else if (!strcmp(argument, "stdin")) copy_input();
    else if (!strcmp(argument, "terminal")) terminal();
    else if (!strcmp(argument, "fork")) forks(atoi(value));
    else if (!strcmp(argument, "orphan")) orphan(value);
    else if (!strcmp(argument, "eat")) eat(atoi(value));
    else if (!strcmp(argument, "wait")) { fflush(stdout); for (;;) pause(); }
    else if (!strcmp(argument, "exit")) { fflush(stdout); _exit(atoi(value)); }
    else if (!strcmp(argument, "signal")) { fflush(stdout); raise(atoi(value)); }
    else { printf("unknown: %s\n", argument); return 1; }
    fflush(stdout);
    return 0;
}

int main(int count, char **arguments)
{
    int failed = 0;
    for (int i = 1; i < count; i++)
        failed |= act(arguments[i]);
    return failed;
}
