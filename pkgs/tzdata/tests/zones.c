/* Reads the zones through the C library: one with daylight saving time, one alias, one far future. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int shows(const char *zone, time_t when, const char *expected)
{
	char text[64];

	setenv("TZ", zone, 1);
	tzset();
	strftime(text, sizeof text, "%Y-%m-%d %H:%M %Z", localtime(&when));
	if (strcmp(text, expected) == 0)
		return 1;
	fprintf(stderr, "%s: expected `%s`, got `%s`\n", zone, expected, text);
	return 0;
}

int main(void)
{
	int good = 1;

	good &= shows("Europe/Berlin", 1751328000, "2025-07-01 02:00 CEST");
	good &= shows("Europe/Berlin", 1735689600, "2025-01-01 01:00 CET");
	good &= shows("Asia/Calcutta", 1751328000, "2025-07-01 05:30 IST");
	good &= shows("America/New_York", 4118083200, "2100-06-30 20:00 EDT");
	good &= shows("Etc/UTC", 1751328000, "2025-07-01 00:00 UTC");
	return !good;
}
