// link: -lm
/* Threads, thread-local storage, libm and dlopen of the library itself, in one dynamic program. */
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static _Thread_local int own;
static int sum;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *add(void *value)
{
	own = *(int *)value;
	pthread_mutex_lock(&lock);
	sum += own;
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(void)
{
	pthread_t threads[8];
	int values[8];
	volatile double two = 2.0;
	void *libm = dlopen("libm.so.6", RTLD_NOW);

	for (int i = 0; i < 8; i++) {
		values[i] = i;
		if (pthread_create(&threads[i], NULL, add, &values[i]) != 0)
			return 1;
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	puts(gnu_get_libc_version());
	return sum != 28 || libm == NULL || dlsym(libm, "cos") == NULL || fabs(sqrt(two) - 1.41421356237) > 1e-9;
}
