/* C.UTF-8 is there without any locale package, and counts characters as such. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

int main(void)
{
	if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
		fputs("setlocale: no C.UTF-8\n", stderr);
		return 1;
	}
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0 || mbstowcs(NULL, "\xc3\xa9\xe2\x82\xac", 0) != 2)
		return 2;
	return !iswalpha(0xe9);
}
