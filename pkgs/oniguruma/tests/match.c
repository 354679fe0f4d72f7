// link: -lonig
// A lookbehind over UTF-8, at the place where it matches.
#include <oniguruma.h>
#include <stdio.h>
#include <string.h>

int main(void) {
	const UChar *pattern = (const UChar *)"(?<=\xc3\xa4)b+", *text = (const UChar *)"a\xc3\xa4" "bbc";
	OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
	OnigErrorInfo info;
	regex_t *regex;
	onig_initialize(encodings, 1);
	if (onig_new(&regex, pattern, pattern + strlen((const char *)pattern), ONIG_OPTION_DEFAULT, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info) != ONIG_NORMAL)
		return fprintf(stderr, "the pattern is refused\n"), 1;
	const UChar *end = text + strlen((const char *)text);
	OnigRegion *region = onig_region_new();
	int at = onig_search(regex, text, end, text, end, region, ONIG_OPTION_NONE);
	if (at != 3 || region->end[0] != 5)
		return fprintf(stderr, "matched at %d\n", at), 1;
	return 0;
}
