/* What the program does within an Endpoint Security callback: an LD_PRELOAD library for machrun.
 *
 * machrun hands the program's own calls of malloc and pthread_mutex_lock to the C library; this stands in between, and
 * counts those that come from the program (code that belongs to no ELF image) on the threads that run callbacks, which
 * machrun names "es-client". Locks that are atomics (dashmap's shards, channels) are no calls and not counted, nor is
 * memcpy, which is linked into the program: what is copied out of a message goes into what is allocated for it.
 * At the end: one JSON object in the file that CALLBACK_COUNTS names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread int in_callback_thread;
static int callback_threads;
static struct { uintptr_t start, end; } images[256];
static int image_count;
static uint64_t allocations, allocated, reallocations, frees, locks;

static int note_image(struct dl_phdr_info *info, size_t size, void *unused) {
    for (int i = 0; i < info->dlpi_phnum && image_count < 256; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            images[image_count].start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            images[image_count++].end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        }
    return 0;
}

static int of_program(void *from) {
    for (int i = 0; i < image_count; i++)
        if ((uintptr_t)from >= images[i].start && (uintptr_t)from < images[i].end) return 0;
    return 1;
}

#define COUNTS (in_callback_thread && of_program(__builtin_return_address(0)))
#define ADD(counter, by) __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED)

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
void *malloc(size_t n) {
    if (COUNTS) { ADD(allocations, 1); ADD(allocated, n); }
    return __libc_malloc(n);
}
void *calloc(size_t k, size_t n) {
    if (COUNTS) { ADD(allocations, 1); ADD(allocated, k * n); }
    return __libc_calloc(k, n);
}
void *realloc(void *p, size_t n) {
    if (COUNTS) { ADD(reallocations, 1); ADD(allocated, n); }
    return __libc_realloc(p, n);
}
void free(void *p) {
    if (p && COUNTS) ADD(frees, 1);
    __libc_free(p);
}

/* The program's call comes through a shim, one frame above. */
int pthread_mutex_lock(pthread_mutex_t *mutex) {
    static int (*next)(pthread_mutex_t *);
    if (!next) next = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
    if (in_callback_thread && !of_program(__builtin_return_address(0)) && of_program(__builtin_return_address(1))) ADD(locks, 1);
    return next(mutex);
}
int pthread_setname_np(pthread_t thread, const char *name) {
    static int (*next)(pthread_t, const char *);
    if (!next) next = (int (*)(pthread_t, const char *))dlsym(RTLD_NEXT, "pthread_setname_np");
    if (!strcmp(name, "es-client")) in_callback_thread = callback_threads = 1;
    return next(thread, name);
}

__attribute__((constructor)) static void begin(void) { dl_iterate_phdr(note_image, NULL); }
__attribute__((destructor)) static void end(void) {
    /* Other programs, such as the parent, are none of it. */
    const char *path = callback_threads ? getenv("CALLBACK_COUNTS") : NULL;
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "{\"allocations\":%lu,\"reallocations\":%lu,\"allocated\":%lu,\"frees\":%lu,\"locks\":%lu}\n",
            allocations, reallocations, allocated, frees, locks);
    fclose(file);
}
