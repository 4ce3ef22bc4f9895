/* Sine and cosine for partial derivatives, whose last bit nobody compares with NumPy's, several elements at once.

   The argument less n*pi/2 stands in three parts of pi/2, the first two so short that their products with n are exact;
   then follow the Taylor series, whose first term left out is below 1e-19. The error is below 2 units in the last place.
   Large arguments are left to the C library. */
#ifndef DUALAD_WAVES_H
#define DUALAD_WAVES_H

#include <math.h>
#include "loops.h"

#define WAVE_LIMIT 1.0e6
#define SHIFT 6755399441055744.0 /* 1.5 * 2**52: added and taken away, it rounds to a whole number */

/* One element: sin(x + turns*pi/2). */
static inline __attribute__((always_inline)) double wave(double x, int64_t turns)
{
    const double whole = x * 0.63661977236758134308 + SHIFT;
    const double n = whole - SHIFT;
    union { double d; int64_t i; } bits = {whole};
    const int64_t quarter = bits.i + turns;
    /* pi/2 = 0x1.921fb544p0 + 0x1.0b4611a4p-34 + 0x1.13198a2e03707p-65 + ... */
    const double r = ((x - n * 0x1.921fb544p0) - n * 0x1.0b4611a4p-34) - n * 0x1.13198a2e03707p-65;
    const double z = r * r;
    double s = 1.0 / 355687428096000.0, c = -1.0 / 6402373705728000.0;
    s = s * z - 1.0 / 1307674368000.0;
    s = s * z + 1.0 / 6227020800.0;
    s = s * z - 1.0 / 39916800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    s = r + (r * z) * s;
    c = c * z + 1.0 / 20922789888000.0;
    c = c * z - 1.0 / 87178291200.0;
    c = c * z + 1.0 / 479001600.0;
    c = c * z - 1.0 / 3628800.0;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    c = (1.0 - 0.5 * z) + (z * z) * c;
    const double y = quarter & 1 ? c : s;
    return quarter & 2 ? -y : y;
}

#define WAVE(name, turns, exact) \
    CLONES static void block_##name(Py_ssize_t n, double *restrict d, const double *a, const double *b) \
    { \
        int64_t far = 0; \
        (void) b; \
        for (Py_ssize_t i = 0; i < n; i++) { \
            d[i] = wave(a[i], turns); \
            far |= !(fabs(a[i]) < WAVE_LIMIT); \
        } \
        if (far) \
            for (Py_ssize_t i = 0; i < n; i++) \
                if (!(fabs(a[i]) < WAVE_LIMIT)) \
                    d[i] = exact(a[i]); \
    }

WAVE(sine, 0, sin)
WAVE(cosine, 1, cos)

#endif
