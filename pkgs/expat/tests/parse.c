// link: -lexpat
// Elements are seen as they close, and a document cut short is refused.
#include <expat.h>
#include <stdio.h>
#include <string.h>

static int opened;

static void open_element(void *data, const XML_Char *name, const XML_Char **attributes) {
	(void)data;
	if (strcmp(name, "b") == 0 && attributes[0] && strcmp(attributes[1], "1") == 0)
		opened++;
}

static int parse(const char *text) {
	XML_Parser parser = XML_ParserCreate("UTF-8");
	XML_SetStartElementHandler(parser, open_element);
	int status = XML_Parse(parser, text, strlen(text), 1);
	XML_ParserFree(parser);
	return status;
}

int main(void) {
	if (parse("<a><b x='1'/><b x='2'/></a>") != XML_STATUS_OK || opened != 1)
		return fprintf(stderr, "a good document: %d opened\n", opened), 1;
	if (parse("<a><b>") != XML_STATUS_ERROR)
		return fprintf(stderr, "a document cut short was accepted\n"), 1;
	return 0;
}
