// link: -lreadline
/* Adds to a history and expands from it. */
#include <stdio.h>
#include <readline/readline.h>
#include <readline/history.h>
#include <string.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

int main(void)
{
	char *line = NULL;

	using_history();
	add_history("make all");
	add_history("ls");
	CHECK(history_expand("!make", &line) == 1 && strcmp(line, "make all") == 0);
	CHECK(strcmp(rl_library_version, "8.3") == 0);
	return 0;
}
