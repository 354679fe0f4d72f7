// link: -lmpc -lmpfr -lgmp
// The square root of -4 is 2i.
#include <mpc.h>
#include <stdio.h>

int main(void) {
	mpc_t number;
	mpc_init2(number, 100);
	mpc_set_si(number, -4, MPC_RNDNN);
	mpc_sqrt(number, number, MPC_RNDNN);
	if (mpc_cmp_si_si(number, 0, 2) != 0)
		return fprintf(stderr, "the root of -4 is not 2i\n"), 1;
	return 0;
}
