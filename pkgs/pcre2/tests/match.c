// link: -lpcre2-8
/* Matches with and without the just-in-time compiler. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
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
	int error;
	PCRE2_SIZE offset;
	PCRE2_SPTR subject = (PCRE2_SPTR) "key = value";
	pcre2_code *code = pcre2_compile((PCRE2_SPTR) "(\\w+) = (?<v>\\w+)", PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &offset, NULL);
	pcre2_match_data *data;

	CHECK(code);
	data = pcre2_match_data_create_from_pattern(code, NULL);
	CHECK(pcre2_match(code, subject, strlen((const char *)subject), 0, 0, data, NULL) == 3);
	CHECK(pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0);
	CHECK(pcre2_jit_match(code, subject, strlen((const char *)subject), 0, 0, data, NULL) == 3);
	CHECK(pcre2_get_ovector_pointer(data)[4] == 6);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	return 0;
}
