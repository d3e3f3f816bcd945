/* Ends the process in the middle of a write of one whole block, as kill -9 in that instant would, or lets it fail.
 *
 * TORN_PLAN names a file. While there is none, nothing happens. One that says `NTH BYTES PLACE ...` lets NTH - 1
 * writes of a block pass, then writes the first BYTES of the next and ends the process. The blocks that count are
 * those at these places of the file; without any, all. With BYTES of -1 the write fails with EIO instead. The plan is
 * removed first, so that the next process lives.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { BLOCK = 262144 };

typedef ssize_t (*Write)(int, const void *, size_t, off_t);

static int tear(Write write, int file, const void *bytes, off_t place)
{
    static atomic_int passed;
    int nth, length, counts = 1;
    long wanted;
    const char *path = getenv("TORN_PLAN");
    FILE *plan = path ? fopen(path, "r") : NULL;
    if (!plan)
        return 0;
    if (fscanf(plan, "%d %d", &nth, &length) != 2)
        counts = 0;
    else if (fscanf(plan, "%ld", &wanted) == 1)
        do
            counts = wanted == (long)place;
        while (!counts && fscanf(plan, "%ld", &wanted) == 1);
    fclose(plan);
    if (!counts || atomic_fetch_add(&passed, 1) + 1 != nth)
        return 0;
    unlink(path);
    if (length < 0) {
        errno = EIO;
        return -1;
    }
    if (length)
        write(file, bytes, (size_t)length, place);
    dprintf(STDERR_FILENO, "torn: block at %ld after %d bytes\n", (long)place, length);
    kill(getpid(), SIGKILL);
    pause();
    return 0;
}

static ssize_t forward(const char *name, int file, const void *bytes, size_t size, off_t place)
{
    Write write = (Write)dlsym(RTLD_NEXT, name);
    if (size == BLOCK && tear(write, file, bytes, place))
        return -1;
    return write(file, bytes, size, place);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t place)
{
    return forward("pwrite", file, bytes, size, place);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off_t place)
{
    return forward("pwrite64", file, bytes, size, place);
}
