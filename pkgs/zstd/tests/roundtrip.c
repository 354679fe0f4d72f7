// link: -lzstd
/* Compresses and expands a buffer. */
#include <stdio.h>
#include <string.h>
#include <zstd.h>

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
	size_t packed_size;

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (char)(i * i >> 8);
	packed_size = ZSTD_compress(packed, sizeof packed, plain, sizeof plain, 19);
	CHECK(!ZSTD_isError(packed_size) && packed_size < sizeof plain);
	CHECK(ZSTD_decompress(back, sizeof back, packed, packed_size) == sizeof plain);
	CHECK(memcmp(plain, back, sizeof plain) == 0);
	CHECK(ZSTD_versionNumber() == ZSTD_VERSION_NUMBER);
	return 0;
}
