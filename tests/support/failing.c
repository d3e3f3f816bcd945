/* Makes a disk that loses what it is told to keep: fsync and fdatasync of the database fail with EIO.
 *
 * FAILING_PLAN names a file. While there is none, nothing happens. One that says `NTH` lets NTH - 1 calls pass, and
 * fails every one after them for as long as the file is there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*Sync)(int);

static int is_database(int file)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, "/store.duckdb") != NULL;
}

static int fails(int file)
{
    static atomic_int passed;
    int nth = 0;
    const char *path = getenv("FAILING_PLAN");
    FILE *plan = path ? fopen(path, "r") : NULL;
    if (!plan) {
        atomic_store(&passed, 0);
        return 0;
    }
    int read = fscanf(plan, "%d", &nth);
    fclose(plan);
    return read == 1 && is_database(file) && atomic_fetch_add(&passed, 1) + 1 >= nth;
}

static int forward(const char *name, int file)
{
    if (fails(file)) {
        errno = EIO;
        return -1;
    }
    return ((Sync)dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file)
{
    return forward("fsync", file);
}

int fdatasync(int file)
{
    return forward("fdatasync", file);
}
