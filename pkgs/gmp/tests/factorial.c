// link: -lgmp
// 30! (OEIS A000142), and 2^521 - 1 is a prime.
#include <gmp.h>
#include <stdio.h>
#include <string.h>

int main(void) {
	mpz_t number;
	mpz_init(number);
	mpz_fac_ui(number, 30);
	char *text = mpz_get_str(NULL, 10, number);
	if (strcmp(text, "265252859812191058636308480000000") != 0)
		return fprintf(stderr, "30! is %s\n", text), 1;
	mpz_ui_pow_ui(number, 2, 521);
	mpz_sub_ui(number, number, 1);
	if (!mpz_probab_prime_p(number, 25))
		return fprintf(stderr, "2^521 - 1 is no prime\n"), 1;
	return 0;
}
