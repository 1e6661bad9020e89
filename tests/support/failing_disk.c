/* A disk that fails on command, under a process that is started with this library preloaded.
 *
 * The directory $COREWIRE_FAULTS says what fails: a file in it named as a call ("write", "fsync",
 * "fdatasync", "ftruncate", "open", "rename", "mkdir") holds "ERRNO PART [BYTES]". The call fails with
 * ERRNO for files whose path has PART in it; a write takes BYTES first. Without the file, the call
 * is the system's. An fsync that fails also loses what it should have saved, as a failed write-back
 * does: what was written since the last good one reads as zeros from then on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fault {
    int error;
    long bytes;
};

/* What `call` on `path` is to do; error 0: what it always does. */
static struct fault fault_at(const char *call, const char *path) {
    struct fault none = {0, 0}, fault = {0, 0};
    const char *dir = getenv("COREWIRE_FAULTS");
    char name[PATH_MAX], text[PATH_MAX] = "", part[PATH_MAX];
    if (dir == NULL) return none;
    snprintf(name, sizeof name, "%s/%s", dir, call);
    int fd = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return none;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0 || sscanf(text, "%d %s %ld", &fault.error, part, &fault.bytes) < 2) return none;
    return strstr(path, part) != NULL ? fault : none;
}

static struct fault fault_of(const char *call, int fd) {
    char link[64], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    path[length < 0 ? 0 : length] = '\0';
    return fault_at(call, path);
}

static int fail(struct fault fault) {
    errno = fault.error;
    return -1;
}

/* How much of each file is known to be on disk. */
#define FILES_MAX 256
static struct {
    ino_t inode;
    off_t synced;
} files[FILES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static off_t *synced_of(ino_t inode) {
    int at = 0;
    while (at < FILES_MAX - 1 && files[at].inode != inode && files[at].inode != 0) at++;
    files[at].inode = inode;
    return &files[at].synced;
}

/* Notes that all of a file is on disk, or loses what is not. */
static void settle(int fd, int is_saved) {
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return;
    pthread_mutex_lock(&lock);
    off_t *synced = synced_of(file.st_ino);
    if (is_saved) {
        *synced = file.st_size;
    } else if (file.st_size > *synced) {
        int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        if (fallocate(fd, mode, *synced, file.st_size - *synced) != 0) abort();
    }
    pthread_mutex_unlock(&lock);
}

static int sync_with(const char *call, long number, int fd) {
    struct fault fault = fault_of(call, fd);
    if (fault.error != 0) {
        settle(fd, 0);
        return fail(fault);
    }
    int result = syscall(number, fd);
    if (result == 0) settle(fd, 1);
    return result;
}

int fsync(int fd) { return sync_with("fsync", SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with("fdatasync", SYS_fdatasync, fd); }

ssize_t write(int fd, const void *bytes, size_t count) {
    static _Thread_local int took;
    struct fault fault = fault_of("write", fd);
    if (fault.error == 0) return syscall(SYS_write, fd, bytes, count);
    took = !took && fault.bytes > 0 && (size_t)fault.bytes < count;
    return took ? syscall(SYS_write, fd, bytes, fault.bytes) : fail(fault);
}

int ftruncate64(int fd, off_t length) {
    struct fault fault = fault_of("ftruncate", fd);
    if (fault.error != 0) return fail(fault);
    int result = syscall(SYS_ftruncate, fd, length);
    struct stat file;
    if (result == 0 && fstat(fd, &file) == 0) {
        pthread_mutex_lock(&lock);
        off_t *synced = synced_of(file.st_ino);
        if (*synced > length) *synced = length;
        pthread_mutex_unlock(&lock);
    }
    return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    int is_written = flags & (O_WRONLY | O_RDWR);
    struct fault fault = fault_at("open", path);
    if (is_written && fault.error != 0) return fail(fault);
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    /* What was there before is taken to be on disk. */
    if (fd >= 0 && is_written) settle(fd, 1);
    return fd;
}

int rename(const char *from, const char *to) {
    struct fault fault = fault_at("rename", to);
    return fault.error != 0 ? fail(fault) : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
    struct fault fault = fault_at("mkdir", path);
    return fault.error != 0 ? fail(fault) : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
