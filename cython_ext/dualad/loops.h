/* The inner loops over blocks of doubles.

   Where the compiler can, it builds each of them for several instruction sets, and the loader chooses when the module is
   loaded: wheels are built for the oldest processors. Elsewhere they are plain C. All variants give the same bits, for
   nothing is contracted (-ffp-contract=off) and each element is computed by itself. */
#ifndef DUALAD_LOOPS_H
#define DUALAD_LOOPS_H

#include <Python.h>
#include <stdint.h>

/* The choice at load time needs GCC's spelling of it and the indirect functions of glibc. */
#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/* --- instructions of the machine: d = a op b, element by element; the target is never a source */

#define OPERATION(name, value) \
    CLONES static void op_##name(Py_ssize_t n, double *restrict d, const double *a, const double *b) \
    { \
        (void) b; \
        for (Py_ssize_t i = 0; i < n; i++) \
            d[i] = value; \
    }

OPERATION(add, a[i] + b[i])
OPERATION(subtract, a[i] - b[i])
OPERATION(multiply, a[i] * b[i])
OPERATION(divide, a[i] / b[i])
OPERATION(negative, -a[i])
OPERATION(less, a[i] < b[i])
OPERATION(less_equal, a[i] <= b[i])
OPERATION(greater, a[i] > b[i])
OPERATION(greater_equal, a[i] >= b[i])
OPERATION(equal, a[i] == b[i])
OPERATION(not_equal, a[i] != b[i])

CLONES static void op_where(Py_ssize_t n, double *restrict d, const double *a, const double *b, const double *c)
{
    for (Py_ssize_t i = 0; i < n; i++)
        d[i] = a[i] != 0 ? b[i] : c[i];
}

/* --- the chain rule: y takes or is increased by a term; those that multiply say whether an element became NaN */

#define CHECKED_TERM(name, statement) \
    CLONES static int64_t term_##name(Py_ssize_t n, double *restrict y, const double *d, const double *x, double s) \
    { \
        int64_t odd = 0; \
        (void) d, (void) x, (void) s; \
        for (Py_ssize_t i = 0; i < n; i++) { \
            statement; \
            odd |= y[i] != y[i]; \
        } \
        return odd; \
    }

#define PLAIN_TERM(name, statement) \
    CLONES static void term_##name(Py_ssize_t n, double *restrict y, const double *x, double s) \
    { \
        (void) x, (void) s; \
        for (Py_ssize_t i = 0; i < n; i++) \
            statement; \
    }

CHECKED_TERM(set_scaled, y[i] = d[i] * x[i])
CHECKED_TERM(add_scaled, y[i] += d[i] * x[i])
CHECKED_TERM(set_times, y[i] = d[i] * s)
CHECKED_TERM(add_times, y[i] += d[i] * s)
PLAIN_TERM(set_number, y[i] = s)
PLAIN_TERM(add_number, y[i] += s)
PLAIN_TERM(add_same, y[i] += x[i])
PLAIN_TERM(set_minus, y[i] = -x[i])
PLAIN_TERM(add_minus, y[i] -= x[i])

/* --- a partial times a tangent, where nothing times infinity is nothing */

CLONES static void scale_each(Py_ssize_t n, double *restrict y, const double *a, const double *b)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] = ((a[i] != 0) & (b[i] != 0)) ? a[i] * b[i] : 0.0;
}

CLONES static void scale_by(Py_ssize_t n, double *restrict y, const double *a, double s)
{
    for (Py_ssize_t i = 0; i < n; i++)
        y[i] = ((a[i] != 0) & (s != 0)) ? a[i] * s : 0.0;
}

/* --- terms of second order, in which nothing times infinity is nothing */

CLONES static void term_product(Py_ssize_t n, double *restrict y, const double *d, const double *x, const double *z)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        double sum = y[i] + d[i] * (x[i] * z[i]);
        y[i] = d[i] != 0 && x[i] != 0 && z[i] != 0 ? sum : y[i];
    }
}

CLONES static void term_product_times(Py_ssize_t n, double *restrict y, const double *d, const double *x, double s)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        double sum = y[i] + d[i] * (x[i] * s);
        y[i] = d[i] != 0 && x[i] != 0 ? sum : y[i];
    }
}

CLONES static void term_product_number(Py_ssize_t n, double *restrict y, const double *d, double s)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        double sum = y[i] + d[i] * s;
        y[i] = d[i] != 0 ? sum : y[i];
    }
}

#endif
