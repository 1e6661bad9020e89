/* Preloaded into a server: counts and times its fdatasync and fsync, and makes each take longer.
 *
 * SYNC_COUNT_FILE names a file of 16 bytes that gets two counters: calls, and nanoseconds in them.
 * SYNC_EXTRA_US is added to every call, as sleep: a disk that is slower than the one at hand. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t unseen[2];
static uint64_t *counters = unseen;
static uint64_t extra_ns;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SYNC_COUNT_FILE");
    const char *extra_us = getenv("SYNC_EXTRA_US");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *map = mmap(0, sizeof unseen, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (map != MAP_FAILED)
            counters = map;
        close(file);
    }
    if (extra_us)
        extra_ns = strtoull(extra_us, 0, 10) * 1000;
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int slowly(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    uint64_t start = now_ns();
    int result = real(file);
    if (extra_ns) {
        struct timespec pause = {extra_ns / 1000000000, extra_ns % 1000000000};
        nanosleep(&pause, 0);
    }
    __atomic_fetch_add(&counters[1], now_ns() - start, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters[0], 1, __ATOMIC_RELAXED);
    return result;
}

int fdatasync(int file) { return slowly("fdatasync", file); }
int fsync(int file) { return slowly("fsync", file); }
