// link: -lnghttp2
/* Compresses headers and reads them back. */
#include <nghttp2/nghttp2.h>
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
	nghttp2_hd_deflater *deflater;
	nghttp2_hd_inflater *inflater;
	nghttp2_nv sent = {(uint8_t *)":status", (uint8_t *)"200", 7, 3, NGHTTP2_NV_FLAG_NONE}, got;
	uint8_t block[128];
	int flags = 0;
	nghttp2_ssize size;

	CHECK(nghttp2_hd_deflate_new(&deflater, 4096) == 0 && nghttp2_hd_inflate_new(&inflater) == 0);
	size = nghttp2_hd_deflate_hd2(deflater, block, sizeof block, &sent, 1);
	CHECK(size == 1);
	CHECK(nghttp2_hd_inflate_hd3(inflater, &got, &flags, block, (size_t)size, 1) >= 0);
	CHECK((flags & NGHTTP2_HD_INFLATE_EMIT) && got.valuelen == 3 && memcmp(got.value, "200", 3) == 0);
	CHECK(strcmp(nghttp2_version(0)->version_str, NGHTTP2_VERSION) == 0);
	nghttp2_hd_deflate_del(deflater);
	nghttp2_hd_inflate_del(inflater);
	return 0;
}
