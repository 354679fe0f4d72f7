/* The headers that C libraries and tools lean on compile alone, and say the version they are of. */
#include <asm/unistd.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/if_link.h>
#include <linux/io_uring.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/version.h>

int main(void)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0) || __NR_openat2 != 437;
}
