/* Loaded before libc: logs every write, truncation and flush of the files under POWER_WATCH, in order, to POWER_LOG.
   One record: op ('w' write, 't' truncate, 's' flush), name length, name, offset, data length, data. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int log_fd = -2;

static void note(char op, int fd, int64_t offset, const void *data, uint32_t size) {
    char link[64], name[PATH_MAX];
    const char *watch = getenv("POWER_WATCH"), *path = getenv("POWER_LOG");
    ssize_t (*plain_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (!watch || !path || fd == log_fd) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name);
    if (length <= 0 || (size_t)length < strlen(watch) || strncmp(name, watch, strlen(watch))) return;
    if (log_fd == -2) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    uint32_t name_size = (uint32_t)length;
    size_t total = 1 + 4 + name_size + 8 + 4 + size;
    char *record = malloc(total), *at = record;
    *at++ = op;
    memcpy(at, &name_size, 4); at += 4;
    memcpy(at, name, name_size); at += name_size;
    memcpy(at, &offset, 8); at += 8;
    memcpy(at, &size, 4); at += 4;
    if (size) memcpy(at, data, size);
    if (plain_write(log_fd, record, total) != (ssize_t)total) abort();
    free(record);
}

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = real(fd, data, size);
    if (done > 0 && offset >= 0) note('w', fd, offset, data, (uint32_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t done = real(fd, data, size, offset);
    if (done > 0) note('w', fd, offset, data, (uint32_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

int ftruncate64(int fd, off64_t size) {
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");
    int done = real(fd, size);
    if (!done) note('t', fd, size, 0, 0);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    int done = real(fd);
    if (!done) note('s', fd, 0, 0, 0);
    return done;
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    int done = real(fd);
    if (!done) note('s', fd, 0, 0, 0);
    return done;
}
