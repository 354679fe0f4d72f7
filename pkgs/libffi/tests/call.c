// link: -lffi
// A function called by its description, and a closure called as a function.
#include <ffi.h>
#include <stdio.h>

static double scale(int count, double factor) { return count * factor; }

static void twice(ffi_cif *cif, void *result, void **arguments, void *data) {
	(void)cif, (void)data;
	*(ffi_arg *)result = 2 * *(int *)arguments[0];
}

int main(void) {
	ffi_cif cif;
	ffi_type *types[] = {&ffi_type_sint, &ffi_type_double};
	int count = 6;
	double factor = 7, result = 0;
	void *values[] = {&count, &factor};
	if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_double, types) != FFI_OK)
		return fprintf(stderr, "no call\n"), 1;
	ffi_call(&cif, FFI_FN(scale), &result, values);
	if (result != 42)
		return fprintf(stderr, "a call returned %f\n", result), 1;
	void *code;
	ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
	ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types);
	if (!closure || ffi_prep_closure_loc(closure, &cif, twice, NULL, code) != FFI_OK || ((int (*)(int))code)(21) != 42)
		return fprintf(stderr, "a closure does not work\n"), 1;
	return 0;
}
