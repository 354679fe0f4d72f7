// link: -lbz2
/* Compresses and expands a buffer. */
#include <bzlib.h>
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
	static char plain[100000], packed[200000], back[100000];
	unsigned int packed_size = sizeof packed, back_size = sizeof back;

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (char)(i * i >> 8);
	CHECK(BZ2_bzBuffToBuffCompress(packed, &packed_size, plain, sizeof plain, 9, 0, 0) == BZ_OK);
	CHECK(BZ2_bzBuffToBuffDecompress(back, &back_size, packed, packed_size, 0, 0) == BZ_OK);
	CHECK(back_size == sizeof plain && memcmp(plain, back, back_size) == 0);
	CHECK(strncmp(BZ2_bzlibVersion(), "1.0.8", 5) == 0);
	return 0;
}
