// link: -lcrypt
// The SHA-512 example of its specification (Drepper, "Unix crypt using SHA-256 and SHA-512", 2008).
#include <crypt.h>
#include <stdio.h>
#include <string.h>

int main(void) {
	const char *expected = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
	const char *hash = crypt("Hello world!", "$6$saltstring");
	if (!hash || strcmp(hash, expected) != 0)
		return fprintf(stderr, "got %s\n", hash ? hash : "nothing"), 1;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting) || strncmp(crypt("a", setting), "$y$", 3) != 0)
		return fprintf(stderr, "no yescrypt\n"), 1;
	return 0;
}
