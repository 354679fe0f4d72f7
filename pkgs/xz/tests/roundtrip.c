// link: -llzma
/* Compresses and expands a buffer. */
#include <lzma.h>
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
	static unsigned char plain[100000], packed[200000], back[100000];
	size_t packed_size = 0, in = 0, out = 0;
	uint64_t limit = UINT64_MAX;

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (unsigned char)(i * i >> 8);
	CHECK(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, plain, sizeof plain, packed, &packed_size, sizeof packed) == LZMA_OK);
	CHECK(packed_size > 0 && packed_size < sizeof plain);
	CHECK(lzma_stream_buffer_decode(&limit, 0, NULL, packed, &in, packed_size, back, &out, sizeof back) == LZMA_OK);
	CHECK(out == sizeof plain && memcmp(plain, back, out) == 0);
	CHECK(strcmp(lzma_version_string(), LZMA_VERSION_STRING) == 0);
	return 0;
}
