// link: -lmpfr -lgmp
// 40 digits of pi.
#include <mpfr.h>
#include <stdio.h>
#include <string.h>

int main(void) {
	char text[64];
	mpfr_t pi;
	mpfr_init2(pi, 200);
	mpfr_const_pi(pi, MPFR_RNDN);
	mpfr_snprintf(text, sizeof text, "%.40Rf", pi);
	if (strcmp(text, "3.1415926535897932384626433832795028841972") != 0)
		return fprintf(stderr, "pi is %s\n", text), 1;
	return 0;
}
