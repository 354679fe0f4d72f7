// The server of the image answers with its page, and with 404 for what is not there.
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char answer[65536];

static int ask(const char *path) {
	struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(8080)};
	place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(server, (struct sockaddr *)&place, sizeof place) != 0) {
		close(server);
		return -1;
	}
	dprintf(server, "GET %s HTTP/1.0\r\n\r\n", path);
	size_t length = 0;
	ssize_t got;
	while ((got = read(server, answer + length, sizeof answer - 1 - length)) > 0)
		length += got;
	answer[length] = 0;
	close(server);
	return 0;
}

static void check(const char *path, const char *expected) {
	if (ask(path) != 0 || strstr(answer, expected) == NULL) {
		fprintf(stderr, "%s: `%s` is not in the answer:\n%s\n", path, expected, answer);
		exit(1);
	}
}

int main(void) {
	pid_t server = fork();
	if (server == 0) {
		execl("/usr/bin/nginx", "nginx", "-g", "daemon off;", (char *)NULL);
		_exit(127);
	}
	for (int attempt = 0; attempt < 300 && ask("/") != 0; attempt++)
		usleep(100000);
	check("/", "200 OK");
	check("/", "Welcome to nginx");
	check("/missing", "404 Not Found");
	int status;
	kill(server, SIGQUIT);
	waitpid(server, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "SIGQUIT did not end the server in order: %x\n", status);
		return 1;
	}
	return 0;
}
