// The server of the image keeps what its client gave it over a restart.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/valkey-XXXXXX";
static char answer[4096];

static pid_t start(void) {
	pid_t server = fork();
	if (server == 0) {
		execl("/usr/bin/valkey-server", "valkey-server", "--port", "6390", "--dir", folder, "--save", "1", "1", (char *)NULL);
		_exit(127);
	}
	return server;
}

static const char *client(const char *a, const char *b, const char *c) {
	int ends[2];
	if (pipe(ends) != 0)
		exit(1);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		execl("/usr/bin/valkey-cli", "valkey-cli", "-p", "6390", a, b, c, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	size_t length = 0;
	ssize_t got;
	while ((got = read(ends[0], answer + length, sizeof answer - 1 - length)) > 0)
		length += got;
	answer[length] = 0;
	close(ends[0]);
	waitpid(child, NULL, 0);
	return answer;
}

static void check(const char *what, const char *got, const char *expected) {
	if (strcmp(got, expected) != 0) {
		fprintf(stderr, "%s: expected `%s`, got `%s`\n", what, expected, got);
		exit(1);
	}
}

static void wait_for_server(void) {
	for (int attempt = 0; attempt < 300 && strcmp(client("ping", NULL, NULL), "PONG\n") != 0; attempt++)
		usleep(100000);
}

int main(void) {
	if (mkdtemp(folder) == NULL)
		return 1;
	pid_t server = start();
	wait_for_server();
	check("set", client("set", "key", "value"), "OK\n");
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	server = start();
	wait_for_server();
	check("get", client("get", "key", NULL), "value\n");
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	return 0;
}
