// link: -llz4
/* Compresses and expands a buffer. */
#include <lz4.h>
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
	int packed_size;

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (char)(i >> 8);
	packed_size = LZ4_compress_default(plain, packed, sizeof plain, sizeof packed);
	CHECK(packed_size > 0 && packed_size < (int)sizeof plain);
	CHECK(LZ4_decompress_safe(packed, back, packed_size, sizeof back) == (int)sizeof plain);
	CHECK(memcmp(plain, back, sizeof plain) == 0);
	CHECK(LZ4_versionNumber() == LZ4_VERSION_NUMBER);
	return 0;
}
