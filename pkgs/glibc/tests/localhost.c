/* Looks up localhost through getaddrinfo: the `files` service and nothing loaded from elsewhere. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found = NULL;
	char text[INET_ADDRSTRLEN] = "";
	int status = getaddrinfo("localhost", NULL, &hints, &found);

	if (status != 0) {
		fprintf(stderr, "localhost: %s\n", gai_strerror(status));
		return 1;
	}
	inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, sizeof text);
	freeaddrinfo(found);
	puts(text);
	return strcmp(text, "127.0.0.1") != 0;
}
