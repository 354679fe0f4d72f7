// link: -lyaml
/* Reads a mapping, and refuses what is not YAML. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "failed at line %d: %s\n", __LINE__, #what); \
			return 1; \
		} \
	} while (0)

static int load(const char *text, yaml_document_t *document)
{
	yaml_parser_t parser;
	int loaded;

	if (!yaml_parser_initialize(&parser))
		return 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	loaded = yaml_parser_load(&parser, document);
	yaml_parser_delete(&parser);
	return loaded;
}

int main(void)
{
	yaml_document_t document;
	yaml_node_t *root, *value;

	CHECK(strcmp(yaml_get_version_string(), getenv("VERSION")) == 0);
	CHECK(load("name: wiz\n", &document));
	root = yaml_document_get_root_node(&document);
	CHECK(root && root->type == YAML_MAPPING_NODE);
	value = yaml_document_get_node(&document, root->data.mapping.pairs.start->value);
	CHECK(value && strcmp((char *)value->data.scalar.value, "wiz") == 0);
	yaml_document_delete(&document);
	CHECK(!load("[unclosed", &document));
	return 0;
}
