// Preloaded into a test program: the disk fails while a file of that name stands in the directory DAEGEUM_TEST_DISK.
// `full`: a write to a file finds no room. `broken`: a flush to the disk fails.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int stands(const char *name) {
    const char *directory = getenv("DAEGEUM_TEST_DISK");
    char path[4096];
    if (!directory || snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) return 0;
    return access(path, F_OK) == 0;
}

static int is_full(int fd) {
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || !stands("full")) return 0;
    errno = ENOSPC;
    return 1;
}

static int is_broken(void) {
    if (!stands("broken")) return 0;
    errno = EIO;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return is_full(fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return is_full(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return is_full(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}

int fsync(int fd) { return is_broken() ? -1 : (int)syscall(SYS_fsync, fd); }

int fdatasync(int fd) { return is_broken() ? -1 : (int)syscall(SYS_fdatasync, fd); }
