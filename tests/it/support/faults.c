/* Stands between the gateway and the C library and does what a test writes into the
 * file FAULTS_CONTROL: eight numbers of 64 bits, then a name of 16 bytes.
 *
 *   0  nanoseconds that the wall clock is off
 *   1  the thread of that name cannot read the wall clock, so many times: Rust panics
 *   2  milliseconds that a sync of the store takes longer
 *   3  errno of a sync of the store; 0: it works
 *   4  errno of a write into the store; 0: it works
 *   5  counts the syncs of the store
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct faults {
    _Atomic int64_t clock, panics, delay, sync_error, write_error, syncs, unused[2];
    char thread[16];
};

static struct faults none;
static struct faults *faults = &none;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED) faults = map;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *now) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    if (clock != CLOCK_REALTIME) return real(clock, now);
    if (faults->panics > 0) {
        char name[16] = "";
        pthread_getname_np(pthread_self(), name, sizeof name);
        if (!strncmp(name, faults->thread, sizeof name) && faults->panics-- > 0) {
            errno = EINVAL;
            return -1;
        }
    }
    int failed = real(clock, now);
    int64_t sum = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + faults->clock;
    now->tv_sec = sum / 1000000000;
    now->tv_nsec = sum % 1000000000;
    return failed;
}

static int is_store(int fd) {
    char link[32], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/doorward.redb") != NULL;
}

static int fails(int fd, _Atomic int64_t *error) {
    if (!*error || !is_store(fd)) return 0;
    errno = (int)*error;
    return 1;
}

static int sync_fails(int fd) {
    if (!is_store(fd)) return 0;
    faults->syncs++;
    int64_t delay = faults->delay;
    if (delay) usleep((useconds_t)delay * 1000);
    return fails(fd, &faults->sync_error);
}

int fsync(int fd) { return sync_fails(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return sync_fails(fd) ? -1 : REAL(fdatasync)(fd); }

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return fails(fd, &faults->write_error) ? -1 : REAL(pwrite64)(fd, bytes, count, at);
}
int ftruncate64(int fd, off64_t length) {
    return fails(fd, &faults->write_error) ? -1 : REAL(ftruncate64)(fd, length);
}
