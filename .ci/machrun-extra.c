/* Shims that machrun lacks. */
#include "machrun.h"
#include <sys/statvfs.h>

/* 128-bit division, which a Mac's libSystem has from compiler-rt and Linux from libgcc. */

extern unsigned __int128 __udivti3(unsigned __int128, unsigned __int128);
extern unsigned __int128 __umodti3(unsigned __int128, unsigned __int128);
extern __int128 __divti3(__int128, __int128);
extern __int128 __modti3(__int128, __int128);

PASS(__udivti3);
PASS(__umodti3);
PASS(__divti3);
PASS(__modti3);

/* Darwin counts blocks in 32 bits here. */
struct darwin_statvfs { unsigned long bsize, frsize; uint32_t blocks, bfree, bavail, files, ffree, favail; unsigned long fsid, flag, namemax; };

static int told(int failed, const struct statvfs *found, struct darwin_statvfs *out) {
    if (failed) RET(-1);
    *out = (struct darwin_statvfs){ found->f_bsize, found->f_frsize, found->f_blocks, found->f_bfree, found->f_bavail,
                                    found->f_files, found->f_ffree, found->f_favail, found->f_fsid, found->f_flag & 3, found->f_namemax };
    return 0;
}

static int d_statvfs(const char *path, struct darwin_statvfs *out) {
    struct statvfs found;
    return told(statvfs(P(path), &found), &found, out);
}
EXPORT(statvfs);

static int d_fstatvfs(int fd, struct darwin_statvfs *out) {
    struct statvfs found;
    return told(fstatvfs(fd, &found), &found, out);
}
EXPORT(fstatvfs);
