// link: -lunistring
/* Normal forms and upper case. */
#include <stdio.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

int main(void)
{
	const uint8_t *text = (const uint8_t *)"stra\xc3\x9f" "e";
	size_t length = 0;
	uint8_t *upper = u8_toupper(text, strlen((const char *)text), NULL, NULL, NULL, &length);

	CHECK(upper && length == 7 && memcmp(upper, "STRASSE", 7) == 0);
	CHECK(u8_check(text, 3) == NULL && u8_check((const uint8_t *)"\xff", 1) != NULL);
	return 0;
}
