/* Shims that machrun lacks: 128-bit division, which a Mac's libSystem has from compiler-rt and Linux from libgcc. */
#include "machrun.h"

extern unsigned __int128 __udivti3(unsigned __int128, unsigned __int128);
extern unsigned __int128 __umodti3(unsigned __int128, unsigned __int128);
extern __int128 __divti3(__int128, __int128);
extern __int128 __modti3(__int128, __int128);

PASS(__udivti3);
PASS(__umodti3);
PASS(__divti3);
PASS(__modti3);
