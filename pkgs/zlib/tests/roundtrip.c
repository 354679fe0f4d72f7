// link: -lz
/* Compresses and expands a buffer, in memory and through a .gz file, and checks what zlib says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

enum { SIZE = 1 << 20 };

int main(void)
{
	unsigned char *plain = malloc(SIZE), *back = malloc(SIZE);
	uLongf packed_size = compressBound(SIZE), back_size = SIZE;
	unsigned char *packed = malloc(packed_size);
	unsigned int state = 1;
	gzFile file;

	CHECK(plain && back && packed);
	for (int i = 0; i < SIZE; i++) {
		state = state * 1103515245u + 12345u;
		plain[i] = (unsigned char)("abcdefgh"[(state >> 16) & 7]);
	}

	CHECK(strcmp(zlibVersion(), ZLIB_VERSION) == 0);
	CHECK(crc32(0, (const unsigned char *)"123456789", 9) == 0xcbf43926u);
	CHECK(adler32(1, (const unsigned char *)"123456789", 9) == 0x091e01deu);
	/* 1.3.1 and older never end on a negative length. */
	CHECK(crc32_combine(1, 2, -1) == 0);

	CHECK(compress2(packed, &packed_size, plain, SIZE, 9) == Z_OK);
	CHECK(packed_size < SIZE / 2);
	CHECK(uncompress(back, &back_size, packed, packed_size) == Z_OK);
	CHECK(back_size == SIZE && memcmp(plain, back, SIZE) == 0);

	packed[packed_size / 2] ^= 0xff;
	back_size = SIZE;
	CHECK(uncompress(back, &back_size, packed, packed_size) != Z_OK);

	CHECK((file = gzopen("/tmp/roundtrip.gz", "wb")) != NULL);
	CHECK(gzwrite(file, plain, SIZE) == SIZE && gzclose(file) == Z_OK);
	memset(back, 0, SIZE);
	CHECK((file = gzopen("/tmp/roundtrip.gz", "rb")) != NULL);
	CHECK(gzread(file, back, SIZE) == SIZE && gzclose(file) == Z_OK);
	CHECK(memcmp(plain, back, SIZE) == 0);

	free(plain);
	free(back);
	free(packed);
	return 0;
}
