/* The machine that runs a program: scalar instructions one by one, for one point or several at once; the operations on
   arrays are in groups.h and wholes.h.

   No Python object is touched here. Universal functions are run by their own C loops; additions, products and the like
   are spelled out, which gives the same bits, for IEEE 754 says what they are and nothing is contracted. */
#ifndef DUALAD_MACHINE_H
#define DUALAD_MACHINE_H

#include <math.h>
#include <string.h>
#include "loops.h"
#include "parts.h"
#include "waves.h"

/* A compiler writes pow(x, 2.0) as x * x, which differs from the library's in the last bit here and there. */
static const volatile double exactly_two = 2.0;

#define TERM(d, g) (((d) != 0) & ((g) != 0) ? (d) * (g) : 0.0)

static double call_function(const Function *f, const int32_t *source, const double *v)
{
    char *at[9];
    const Py_ssize_t step = f->tied ? 0 : 8; /* np.clip asks whether its bounds have steps, which numbers have not */
    Py_ssize_t stride[9] = {step, step, step, step, step, step, step, step, step};
    Py_ssize_t one = 1;
    double x[8], y;
    for (int i = 0; i < f->sources; i++) {
        x[i] = v[source[i]];
        at[i] = (char *) &x[i];
    }
    at[f->sources] = (char *) &y;
    f->loop(at, &one, stride, f->data);
    return y;
}

#define AT(i) v[i]
#define EACH
#define FAIL return p
#define CALL(f) v[p[1]] = call_function(f, p + 3, v)
#define SQUARE(x) pow(x, exactly_two)
static const int32_t *run_scalars_plain(const int32_t *p, double *restrict v, const Function *functions)
#include "scalars.h"
#undef SQUARE

#if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
/* pow(x, 2) to the bit: the rounded product is what the C library returns, whose error is below 0.55 units in the last
   place, unless the product lies near a tie; then the library is asked. */
__attribute__((target("fma"))) static inline double pow_2(double x)
{
    double y = x * x;
    union { double d; uint64_t u; } unit = {y};
    double rest = fabs(__builtin_fma(x, x, -y));
    unit.u &= 0x7ff0000000000000ULL;
    if (__builtin_expect(rest < unit.d * (0.45 / 4503599627370496.0) && y > 1e-280, 1))
        return y;
    return pow(x, exactly_two);
}

#define SQUARE(x) pow_2(x)
__attribute__((target("fma")))
static const int32_t *run_scalars_fma(const int32_t *p, double *restrict v, const Function *functions)
#include "scalars.h"
#undef SQUARE

__attribute__((target("fma,avx2"))) static void block_pow_2_fma(Py_ssize_t n, double *restrict d, const double *a)
{
    int64_t odd = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        double y = a[i] * a[i];
        union { double d; uint64_t u; } unit = {y};
        double rest = fabs(__builtin_fma(a[i], a[i], -y));
        unit.u &= 0x7ff0000000000000ULL;
        d[i] = (rest < unit.d * (0.45 / 4503599627370496.0)) & (y > 1e-280) ? y : NAN;
        odd |= d[i] != d[i];
    }
    if (odd)
        for (Py_ssize_t i = 0; i < n; i++)
            if (d[i] != d[i])
                d[i] = pow(a[i], exactly_two);
}

static void block_pow_2(Py_ssize_t n, double *restrict d, const double *a)
{
    if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"))
        block_pow_2_fma(n, d, a);
    else
        for (Py_ssize_t i = 0; i < n; i++)
            d[i] = pow(a[i], exactly_two);
}

static const int32_t *run_scalars(const int32_t *p, double *restrict v, const Function *functions)
{
    return __builtin_cpu_supports("fma") ? run_scalars_fma(p, v, functions) : run_scalars_plain(p, v, functions);
}
#else
static void block_pow_2(Py_ssize_t n, double *restrict d, const double *a)
{
    for (Py_ssize_t i = 0; i < n; i++)
        d[i] = pow(a[i], exactly_two);
}
#define run_scalars run_scalars_plain
#endif

#undef AT
#undef EACH
#undef FAIL
#undef CALL

/* --- several points at once: double i of point l is v[POINTS*i + l]; where a guard fails, failed[l] becomes 1 */

enum { POINTS = 8 };

static void call_function_each(const Function *f, const int32_t *source, double *v, double *y)
{
    char *at[9];
    Py_ssize_t stride[9] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
    Py_ssize_t n = POINTS;
    double found[POINTS];
    if (f->tied) {
        double x[8];
        static const int32_t own[8] = {0, 1, 2, 3, 4, 5, 6, 7};
        for (int l = 0; l < POINTS; l++) {
            for (int i = 0; i < f->sources; i++)
                x[i] = v[(Py_ssize_t) POINTS * source[i] + l];
            found[l] = call_function(f, own, x);
        }
        memcpy(y, found, sizeof found);
        return;
    }
    for (int i = 0; i < f->sources; i++)
        at[i] = (char *) &v[(Py_ssize_t) POINTS * source[i]];
    at[f->sources] = (char *) found;
    f->loop(at, &n, stride, f->data);
    memcpy(y, found, sizeof found);
}

#define AT(i) v[(Py_ssize_t) POINTS * (i) + l]
#define EACH for (int l = 0; l < POINTS; l++)
#define FAIL failed[l] = 1
#define CALL(f) call_function_each(f, p + 3, v, &v[(Py_ssize_t) POINTS * p[1]])
#define SQUARE(x) pow(x, exactly_two)
static const int32_t *run_points_plain(const int32_t *p, double *v, const Function *functions, unsigned char *failed)
#include "scalars.h"
#undef SQUARE
#if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
#define SQUARE(x) pow_2(x)
__attribute__((target("fma,avx2")))
static const int32_t *run_points_fma(const int32_t *p, double *v, const Function *functions, unsigned char *failed)
#include "scalars.h"
#undef SQUARE

static const int32_t *run_points(const int32_t *p, double *v, const Function *functions, unsigned char *failed)
{
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2") ? run_points_fma(p, v, functions, failed)
                                                                           : run_points_plain(p, v, functions, failed);
}
#else
#define run_points run_points_plain
#endif
#undef AT
#undef EACH
#undef FAIL
#undef CALL

#include "groups.h"
#include "wholes.h"

#endif
