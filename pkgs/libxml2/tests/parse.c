// link: -lxml2 -I/build/in/installed/usr/include/libxml2
// A document is parsed, an expression finds a node in it, and a broken one is refused.
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

int main(void) {
	const char *text = "<a><b n='1'>x</b><b n='2'>y</b></a>";
	xmlDocPtr document = xmlReadMemory(text, strlen(text), "a.xml", NULL, 0);
	if (document == NULL)
		return 1;
	xmlXPathContextPtr context = xmlXPathNewContext(document);
	xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)"string(//b[@n='2'])", context);
	if (found == NULL || strcmp((const char *)found->stringval, "y") != 0)
		return 2;
	const char *broken = "<a><b></a>";
	if (xmlReadMemory(broken, strlen(broken), "b.xml", NULL, XML_PARSE_NOERROR) != NULL)
		return 3;
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	xmlFreeDoc(document);
	return 0;
}
