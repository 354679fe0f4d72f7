// link: -lcap
// Text to capabilities and back.
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>

int main(void) {
	cap_t set = cap_from_text("cap_net_raw,cap_net_bind_service=ep");
	char *text = set ? cap_to_text(set, NULL) : NULL;
	if (!text || strcmp(text, "cap_net_bind_service,cap_net_raw=ep") != 0)
		return fprintf(stderr, "got %s\n", text ? text : "nothing"), 1;
	return 0;
}
