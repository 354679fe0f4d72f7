/* What an image without a shell or a C library must have, and what it must not. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int failures;

static void fail(const char *path, const char *what)
{
	printf("%s: %s\n", path, what);
	failures++;
}

static void absent(const char *path)
{
	struct stat found;

	if (lstat(path, &found) == 0)
		fail(path, "is there");
}

/* Whether a line of the file has the text. */
static void has(const char *path, const char *text)
{
	char line[4096];
	FILE *file = fopen(path, "r");
	int found = 0;

	while (file && !found && fgets(line, sizeof line, file))
		found = strstr(line, text) != NULL;
	if (file)
		fclose(file);
	if (!found)
		fail(path, file ? "lacks what it should say" : "cannot be read");
}

int main(void)
{
	absent("/usr/bin/sh");
	absent("/usr/bin/busybox");
	absent("/usr/lib/libc.so.6");
	absent("/usr/lib64/ld-linux-x86-64.so.2");
	has("/etc/passwd", "nonroot:x:65532:65532:");
	has("/etc/os-release", "ID=wizos");
	has("/etc/ssl/certs/ca-certificates.crt", "BEGIN CERTIFICATE");
	has("/usr/share/zoneinfo/Europe/Paris", "TZif");
	return failures != 0;
}
