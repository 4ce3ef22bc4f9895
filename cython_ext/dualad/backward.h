/* The inner loops of the reverse sweep over blocks of doubles; see loops.h for how they are compiled.

   Nothing times infinity is nothing: where the partial d or the cotangent g is zero, nothing is passed on. */
#ifndef DUALAD_BACKWARD_H
#define DUALAD_BACKWARD_H

#include "loops.h"

#define TERM_OF(d, g) (((d) != 0) & ((g) != 0) ? (d) * (g) : 0.0)

CLONES static void pass_set(Py_ssize_t n, double *restrict y, const double *d, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] = TERM_OF(d[i], g[i]);
}

CLONES static void pass_add(Py_ssize_t n, double *restrict y, const double *d, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] += TERM_OF(d[i], g[i]);
}

CLONES static void pass_more(Py_ssize_t n, double *restrict y, const double *z, const double *d, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] = z[i] + TERM_OF(d[i], g[i]);
}

CLONES static void pass_same(Py_ssize_t n, double *restrict y, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] += g[i];
}

CLONES static void pass_minus(Py_ssize_t n, double *restrict y, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] -= g[i];
}

CLONES static void pass_negative(Py_ssize_t n, double *restrict y, const double *g)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] = -g[i];
}

/* Sums in eight columns, which are added last: as fast as vectors are, and with smaller rounding errors than one by one. */
#define SUM(name, term) \
    CLONES static double sum_##name(Py_ssize_t n, const double *d, const double *g) \
    { \
        double column[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}; \
        Py_ssize_t i = 0; \
        (void) d; \
        for (; i + 8 <= n; i += 8) \
            for (int k = 0; k < 8; k++) { \
                Py_ssize_t j = i + k; \
                column[k] += term; \
            } \
        for (Py_ssize_t j = i; j < n; j++) \
            column[j - i] += term; \
        return ((column[0] + column[1]) + (column[2] + column[3])) + ((column[4] + column[5]) + (column[6] + column[7])); \
    }

SUM(scaled, TERM_OF(d[j], g[j]))
SUM(same, g[j])

#endif
