// link: -lssl -lcrypto
// SHA-256 of "abc" (FIPS 180-2, B.1), and a TLS 1.3 handshake between two ends in memory stops for want of a certificate.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static const unsigned char ABC[] = {
	0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
	0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
};

int main(void) {
	unsigned char digest[32];
	size_t length = sizeof digest;
	if (!EVP_Q_digest(NULL, "SHA256", NULL, "abc", 3, digest, &length) || memcmp(digest, ABC, sizeof ABC) != 0)
		return fprintf(stderr, "SHA-256 of abc is wrong\n"), 1;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *server = SSL_new(context), *client = SSL_new(SSL_CTX_new(TLS_client_method()));
	BIO *ours, *theirs;
	if (!server || !client || !BIO_new_bio_pair(&ours, 0, &theirs, 0))
		return fprintf(stderr, "no TLS\n"), 1;
	SSL_set_bio(server, ours, ours);
	SSL_set_bio(client, theirs, theirs);
	SSL_connect(client);
	if (SSL_accept(server) == 1)
		return fprintf(stderr, "a server without a certificate was accepted\n"), 1;
	unsigned long error = ERR_get_error();
	if (ERR_GET_REASON(error) != SSL_R_NO_SHARED_CIPHER && ERR_GET_REASON(error) != SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM)
		return fprintf(stderr, "%s\n", ERR_error_string(error, NULL)), 1;
	return 0;
}
