// link: -lncursesw -ltinfow
/* What is known of a terminal. */
#include <curses.h>
#include <stdio.h>
#include <string.h>
#include <term.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

int main(void)
{
	int error = 0;

	CHECK(setupterm("xterm-256color", 1, &error) == OK && error == 1);
	CHECK(tigetnum("colors") == 256);
	CHECK(strcmp(tparm(tigetstr("cup"), 4, 9), "\033[5;10H") == 0);
	CHECK(strncmp(curses_version(), "ncurses 6.6", 11) == 0);
	return 0;
}
