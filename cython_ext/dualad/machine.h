/* The machine that runs a program: scalar instructions one by one, elementwise array instructions block by block.

   No Python object is touched here. Universal functions are run by their own C loops; additions, products and the like
   are spelled out, which gives the same bits, for IEEE 754 says what they are and nothing is contracted. */
#ifndef DUALAD_MACHINE_H
#define DUALAD_MACHINE_H

#include <fenv.h>
#include <math.h>
#include <string.h>
#include "loops.h"
#include "waves.h"

enum {
    OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL,
    OP_EQUAL, OP_NOT_EQUAL, OP_WHERE, OP_SCALE, OP_SQUARE, OP_POWER, OP_MOVE, OP_AND, OP_OR, OP_NOT, OP_ISNAN,
    OP_ISFINITE, OP_ISINF, OP_XOR,
    OP_POW_2,             /* pow(x, 2.0); of numbers OP_SQUARE is the same, of arrays it is x*x */
    OP_CALL,              /* [op, target, function, sources...] */
    OP_MULTIPLY_ADD,      /* a*b + c, rounded twice; so the next two: a*b - c, c - a*b */
    OP_MULTIPLY_SUBTRACT, OP_SUBTRACT_MULTIPLY,
    OP_SCALE_ADD,
    OP_SUM,               /* [op, target, first, n, sources...]: from the left */
    OP_COPY,              /* [op, target, first, n]: doubles one behind the other, from the first on */
    OP_GUARD,             /* [op, number, source, outcome]: the truth of a number */
    OP_GUARD_WHOLE,       /* [op, number, source, outcome]: the whole part of a number, the outcome among the doubles */
    OP_GROUP, OP_REDUCE, OP_CALLBACK, /* [op, number] */
    OP_END,
    OP_COUNT,
    BLOCK_SINE, BLOCK_COSINE, /* in groups only */
    BLOCK_PAIR /* and on: 5*first + second, two operations at once; see pairs.py */
};

/* --- scalars */

typedef void (*Inner)(char **, Py_ssize_t *, Py_ssize_t *, void *);

typedef struct {
    Inner loop;
    void *data;
    int sources;
    int plain;              /* of single elements, no generalized universal function */
    int tied;               /* which of two zeros it returns follows from the steps of its operands */
} Function;

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

/* --- arrays */

enum { AXES = 8, SINKS = 8 };

typedef struct {
    int base;               /* whose memory: 0 the workspace, 1 constants, 2... inputs, live arrays and outputs */
    int kind;               /* 'd', '?', 'l' */
    Py_ssize_t offset;      /* bytes */
    Py_ssize_t stride[AXES];  /* bytes */
    int shape_of_access;    /* DENSE, UNIFORM, OTHER: found when the program is made */
    int slot;
} Operand;

enum { DENSE, UNIFORM, OTHER };

typedef struct {
    int op, target, function, sources;
    int source[8];
    Py_ssize_t stride[8];   /* bytes; 0 for one number beside arrays, as NumPy passes it */
} BlockStep;

/* A sum that is taken while its terms are in a block, in NumPy's order: of all elements; or, of elements numbered
   (outer, length, inner), over the middle number. */
typedef struct {
    int slot, base;
    Py_ssize_t offset, length, inner;
} Sink;

typedef struct {
    int axes;
    Py_ssize_t shape[AXES];
    Py_ssize_t size;
    int slots, loads, stores, steps, sinks, totals; /* the first sinks are totals */
    Py_ssize_t block;
    Operand *load, *store;
    BlockStep *step;
    Sink *sink;
} Group;

static inline double loaded(const char *at, int kind)
{
    return kind == 'd' ? *(const double *) at : kind == '?' ? (double) *(const unsigned char *) at
                                                            : (double) *(const int64_t *) at;
}

enum { SHORT_ROW = 16, LONG_ROW = 64 };

/* Put one row, or one number for each row, side by side in a block. Stores of a width that the compiler knows write over
   the rows that follow, whose turn comes next; the last rows are written as they are. */
#define REPEATED(name, width) \
    CLONES static void repeat_row_##name(double *block, const double *row, Py_ssize_t rows, Py_ssize_t length) \
    { \
        double own[width]; \
        Py_ssize_t size = rows * length, at = 0; \
        for (int i = 0; i < width; i++) \
            own[i] = row[i < length ? i : 0]; \
        for (; at + width <= size; at += length) \
            for (int i = 0; i < width; i++) \
                block[at + i] = own[i]; \
        for (; at < size; at += length) \
            for (Py_ssize_t i = 0; i < length; i++) \
                block[at + i] = own[i]; \
    } \
    CLONES static void spread_each_##name(double *block, const char *x, Py_ssize_t across, Py_ssize_t rows, \
                                          Py_ssize_t length) \
    { \
        Py_ssize_t size = rows * length, at = 0; \
        for (; at + width <= size; at += length, x += across) \
            for (int i = 0; i < width; i++) \
                block[at + i] = *(const double *) x; \
        for (; at < size; at += length, x += across) \
            for (Py_ssize_t i = 0; i < length; i++) \
                block[at + i] = *(const double *) x; \
    }

REPEATED(8, 8)
REPEATED(16, 16)

/* Copy short rows of doubles between an array and a block; the compiler knows the length where it matters. */
static inline __attribute__((always_inline)) void copy_rows(char *at, Py_ssize_t rows, Py_ssize_t length, Py_ssize_t across,
                                                            Py_ssize_t along, double *block, int put)
{
    for (Py_ssize_t k = 0; k < rows; k++, at += across, block += length)
        for (Py_ssize_t i = 0; i < length; i++)
            if (put)
                *(double *) (at + i * along) = block[i];
            else
                block[i] = *(const double *) (at + i * along);
}

static void copy_short_rows(char *at, Py_ssize_t rows, Py_ssize_t length, Py_ssize_t across, Py_ssize_t along,
                            double *block, int put)
{
    if (!put && along == 0) {
        (length <= 8 ? spread_each_8 : spread_each_16)(block, at, across, rows, length);
        return;
    }
    if (!put && across == 0 && along == sizeof(double)) {
        (length <= 8 ? repeat_row_8 : repeat_row_16)(block, (const double *) at, rows, length);
        return;
    }
    switch (length) {
    case 2: copy_rows(at, rows, 2, across, along, block, put); break;
    case 3: copy_rows(at, rows, 3, across, along, block, put); break;
    case 4: copy_rows(at, rows, 4, across, along, block, put); break;
    default: copy_rows(at, rows, length, across, along, block, put);
    }
}

CLONES static void fill(Py_ssize_t n, double *block, double x)
{
    for (Py_ssize_t i = 0; i < n; i++)
        block[i] = x;
}

CLONES static void put_truths(Py_ssize_t n, unsigned char *restrict to, const double *block)
{
    for (Py_ssize_t i = 0; i < n; i++)
        to[i] = block[i] != 0;
}

CLONES static void take_truths(Py_ssize_t n, double *restrict block, const unsigned char *from)
{
    for (Py_ssize_t i = 0; i < n; i++)
        block[i] = from[i];
}

/* Copy elements first ... first + n, in C order of the group's shape, between an operand and a block. */
static void gather(const Group *g, const Operand *o, char *memory, Py_ssize_t first, Py_ssize_t n, double *block, int put)
{
    Py_ssize_t index[AXES];
    Py_ssize_t rest = first;
    int last = g->axes - 1;
    char *at = memory;
    for (int k = last; k >= 0; k--) {
        index[k] = rest % g->shape[k];
        rest /= g->shape[k];
        at += index[k] * o->stride[k];
    }
    while (n > 0) {
        Py_ssize_t run = g->shape[last] - index[last];
        Py_ssize_t stride = o->stride[last];
        if (last > 0 && index[last] == 0 && run <= SHORT_ROW && run <= n && o->kind == 'd') {
            Py_ssize_t rows = g->shape[last - 1] - index[last - 1];
            if (rows > n / run)
                rows = n / run;
            copy_short_rows(at, rows, run, o->stride[last - 1], stride, block, put);
            block += rows * run;
            n -= rows * run;
            at += rows * o->stride[last - 1];
            index[last - 1] += rows;
            for (int k = last - 1; k > 0 && index[k] == g->shape[k]; k--) {
                at += o->stride[k - 1] - index[k] * o->stride[k];
                index[k] = 0;
                index[k - 1]++;
            }
            continue;
        }
        if (run > n)
            run = n;
        if (put) {
            if (o->kind == 'd' && stride == 8)
                memcpy(at, block, run * sizeof(double));
            else if (o->kind == 'd')
                for (Py_ssize_t i = 0; i < run; i++)
                    *(double *) (at + i * stride) = block[i];
            else if (o->kind == '?' && stride == 1)
                put_truths(run, (unsigned char *) at, block);
            else if (o->kind == '?')
                for (Py_ssize_t i = 0; i < run; i++)
                    *(unsigned char *) (at + i * stride) = block[i] != 0;
            else
                for (Py_ssize_t i = 0; i < run; i++)
                    *(int64_t *) (at + i * stride) = (int64_t) block[i];
        } else if (o->kind == 'd' && stride == 8) {
            memcpy(block, at, run * sizeof(double));
        } else if (stride == 0) {
            fill(run, block, loaded(at, o->kind));
        } else if (o->kind == 'd') {
            for (Py_ssize_t i = 0; i < run; i++)
                block[i] = *(const double *) (at + i * stride);
        } else if (o->kind == '?' && stride == 1) {
            take_truths(run, block, (const unsigned char *) at);
        } else {
            for (Py_ssize_t i = 0; i < run; i++)
                block[i] = loaded(at + i * stride, o->kind);
        }
        block += run;
        n -= run;
        at += run * stride;
        index[last] += run;
        for (int k = last; k > 0 && index[k] == g->shape[k]; k--) {
            at += o->stride[k - 1] - index[k] * o->stride[k];
            index[k] = 0;
            index[k - 1]++;
        }
    }
}

#define EACH(name, value) \
    CLONES static void block_##name(Py_ssize_t n, double *restrict d, const double *a, const double *b) \
    { \
        (void) b; \
        for (Py_ssize_t i = 0; i < n; i++) \
            d[i] = value; \
    }

EACH(scale, TERM(a[i], b[i]))
EACH(square, a[i] * a[i])
EACH(and, (a[i] != 0) & (b[i] != 0))
EACH(or, (a[i] != 0) | (b[i] != 0))
EACH(xor, (a[i] != 0) ^ (b[i] != 0))
EACH(not, a[i] == 0)
EACH(isnan, a[i] != a[i])
EACH(isfinite, a[i] - a[i] == 0)
EACH(isinf, a[i] == a[i] && a[i] - a[i] != 0)

/* Two operations at once, p the result of the first: blocks are written half as often. */
#define PAIR(name, first, second) \
    CLONES static void pair_##name(Py_ssize_t n, double *restrict d, const double *a, const double *b, const double *c) \
    { \
        for (Py_ssize_t i = 0; i < n; i++) { \
            const double p = first; \
            d[i] = second; \
        } \
    }

#define PAIRS(name, first) \
    PAIR(name##_add, first, p + c[i]) \
    PAIR(name##_subtract, first, p - c[i]) \
    PAIR(name##_from, first, c[i] - p) \
    PAIR(name##_multiply, first, p * c[i]) \
    PAIR(name##_scale, first, TERM(p, c[i]))

PAIRS(add, a[i] + b[i])
PAIRS(subtract, a[i] - b[i])
PAIRS(multiply, a[i] * b[i])
PAIRS(scale, TERM(a[i], b[i]))

#define NAMED(name) pair_##name##_add, pair_##name##_subtract, pair_##name##_from, pair_##name##_multiply, pair_##name##_scale
typedef void (*Pair)(Py_ssize_t, double *restrict, const double *, const double *, const double *);
enum { PAIR_COUNT = 20 };

static inline void pair_on_block(int which, Py_ssize_t n, double *d, const double *a, const double *b, const double *c)
{
    static const Pair pair[PAIR_COUNT] = {NAMED(add), NAMED(subtract), NAMED(multiply), NAMED(scale)};
    pair[which](n, d, a, b, c);
}

static void call_on_block(const Function *f, const BlockStep *s, Py_ssize_t n, double **slot)
{
    char *at[9];
    Py_ssize_t stride[9] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
    for (int i = 0; i < s->sources; i++) {
        at[i] = (char *) slot[s->source[i]];
        stride[i] = s->stride[i];
    }
    at[s->sources] = (char *) slot[s->target];
    f->loop(at, &n, stride, f->data);
}

/* --- sums in NumPy's order */

/* The sum of n elements, n at most 128: eight running sums, or one where there are few. */
static inline double sum_of_few(const double *x, Py_ssize_t n)
{
    double r[8], total;
    Py_ssize_t i;
    if (n < 8) {
        total = -0.0;
        for (i = 0; i < n; i++)
            total += x[i];
        return total;
    }
    for (i = 0; i < 8; i++)
        r[i] = x[i];
    for (i = 8; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            r[k] += x[i + k];
    total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++)
        total += x[i];
    return total;
}

static inline Py_ssize_t first_half(Py_ssize_t n)
{
    return n / 2 - n / 2 % 8;
}

static double sum_of(const double *x, Py_ssize_t n)
{
    if (n <= 128)
        return sum_of_few(x, n);
    Py_ssize_t half = first_half(n);
    return sum_of(x, half) + sum_of(x + half, n - half);
}

/* The sums of rows of 8 to 15 elements: the same as `sum_of_few`, without a loop over eights. */
CLONES static void sums_of_short_rows(double *restrict y, const double *x, Py_ssize_t rows, Py_ssize_t length)
{
    for (Py_ssize_t k = 0; k < rows; k++, x += length) {
        double total = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
        for (Py_ssize_t i = 8; i < length; i++)
            total += x[i];
        y[k] = 0.0 + total;
    }
}

/* Add rows to a first one, which stays in registers: of a width that the compiler knows, so that those beyond a row's
   end are added for nothing, but not beyond the last row. */
CLONES static void add_short_rows(double *y, const double *x, Py_ssize_t rows, Py_ssize_t length)
{
    double sum[SHORT_ROW];
    Py_ssize_t wide = (rows * length - SHORT_ROW) / length, k = 0;
    for (int i = 0; i < SHORT_ROW; i++)
        sum[i] = i < length ? y[i] : 0.0;
    for (; rows * length >= SHORT_ROW && k <= wide; k++, x += length)
        for (int i = 0; i < SHORT_ROW; i++)
            sum[i] += x[i];
    for (; k < rows; k++, x += length)
        for (Py_ssize_t i = 0; i < length; i++)
            sum[i] += x[i];
    memcpy(y, sum, length * sizeof(double));
}

/* Take elements first ... first + n of a block into sums over the middle number. */
static void sink_block(const Sink *sink, char *const *base, const double *x, Py_ssize_t first, Py_ssize_t n)
{
    double *y = (double *) (base[sink->base] + sink->offset);
    Py_ssize_t length = sink->length, inner = sink->inner;
    if (inner == 1) {  /* blocks hold whole rows */
        y += first / length;
        if (length < 8)
            for (; n > 0; n -= length, x += length)
                *y++ = 0.0 + sum_of_few(x, length);
        else if (length < 16)
            sums_of_short_rows(y, x, n / length, length);
        else
            for (; n > 0; n -= length, x += length)
                *y++ = 0.0 + sum_of(x, length);
        return;
    }
    Py_ssize_t i = first % inner, k = first / inner % length;
    y += first / inner / length * inner;
    while (n > 0) {
        Py_ssize_t run = inner - i < n ? inner - i : n, rows = 1;
        if (k == 0)
            for (Py_ssize_t m = 0; m < run; m++)
                y[i + m] = 0.0 + x[m];
        else if (run == inner && inner <= SHORT_ROW) {
            rows = length - k < n / inner ? length - k : n / inner;
            add_short_rows(y, x, rows, inner);
        } else
            term_add_same(run, y + i, x, 0.0);
        x += rows * run;
        n -= rows * run;
        i = 0;
        k += rows;
        if (k == length) {
            k = 0;
            y += inner;
        }
    }
}

static inline void run_steps(const Group *g, Py_ssize_t n, double **slot, const Function *functions)
{
    for (const BlockStep *s = g->step; s < g->step + g->steps; s++) {
        double *d = slot[s->target];
        const double *a = slot[s->source[0]], *b = slot[s->source[1]];
        switch (s->op) {
        case OP_ADD: op_add(n, d, a, b); break;
        case OP_SUBTRACT: op_subtract(n, d, a, b); break;
        case OP_MULTIPLY: op_multiply(n, d, a, b); break;
        case OP_DIVIDE: op_divide(n, d, a, b); break;
        case OP_NEGATIVE: op_negative(n, d, a, b); break;
        case OP_LESS: op_less(n, d, a, b); break;
        case OP_LESS_EQUAL: op_less_equal(n, d, a, b); break;
        case OP_GREATER: op_greater(n, d, a, b); break;
        case OP_GREATER_EQUAL: op_greater_equal(n, d, a, b); break;
        case OP_EQUAL: op_equal(n, d, a, b); break;
        case OP_NOT_EQUAL: op_not_equal(n, d, a, b); break;
        case OP_WHERE: op_where(n, d, a, b, slot[s->source[2]]); break;
        case OP_SCALE: block_scale(n, d, a, b); break;
        case OP_SQUARE: block_square(n, d, a, b); break;
        case OP_POW_2: block_pow_2(n, d, a); break;
        case OP_POWER:
            for (Py_ssize_t i = 0; i < n; i++)
                d[i] = pow(a[i], b[i]);
            break;
        case OP_MOVE: memcpy(d, a, n * sizeof(double)); break;
        case OP_AND: block_and(n, d, a, b); break;
        case OP_OR: block_or(n, d, a, b); break;
        case OP_XOR: block_xor(n, d, a, b); break;
        case OP_NOT: block_not(n, d, a, b); break;
        case OP_ISNAN: block_isnan(n, d, a, b); break;
        case OP_ISFINITE: block_isfinite(n, d, a, b); break;
        case OP_ISINF: block_isinf(n, d, a, b); break;
        case BLOCK_SINE: block_sine(n, d, a, b); break;
        case BLOCK_COSINE: block_cosine(n, d, a, b); break;
        default:
            if (s->op >= BLOCK_PAIR)
                pair_on_block(s->op - BLOCK_PAIR, n, d, a, b, slot[s->source[2]]);
            else
                call_on_block(&functions[s->function], s, n, slot);
        }
    }
}

/* `by_rows`: blocks lie in one row each, and the first one of a row, which is the longest, comes first. */
static void run_block(const Group *g, char *const *base, double **slot, const Function *functions, Py_ssize_t first,
                      Py_ssize_t n, int by_rows)
{
    Py_ssize_t index[AXES], rest = first, room = g->size < g->block ? g->size : g->block;
    double *own = (double *) slot + g->slots; /* the blocks of the slots themselves */
    for (int k = g->axes - 1; k >= 0; k--) {
        index[k] = rest % g->shape[k];
        rest /= g->shape[k];
    }
    /* Where a block lies in one row, operands whose rows have no gaps are read where they lie. */
    int in_row = index[g->axes - 1] + n <= g->shape[g->axes - 1];
    for (int i = 0; i < g->loads; i++) {
        const Operand *o = &g->load[i];
        char *at = base[o->base] + o->offset;
        if (o->shape_of_access == DENSE)
            slot[o->slot] = (double *) at + first;
        else if (o->shape_of_access == OTHER) {
            if (in_row && o->kind == 'd' && o->stride[g->axes - 1] == sizeof(double)) {
                for (int k = 0; k < g->axes; k++)
                    at += index[k] * o->stride[k];
                slot[o->slot] = (double *) at;
            } else if (!by_rows || index[g->axes - 1] == 0 || o->stride[g->axes - 1] != 0) {
                slot[o->slot] = own + (Py_ssize_t) o->slot * room;
                gather(g, o, at, first, n, slot[o->slot], 0);
            }
        }
    }
    for (int i = 0; i < g->stores; i++)
        if (g->store[i].shape_of_access == DENSE)
            slot[g->store[i].slot] = (double *) (base[g->store[i].base] + g->store[i].offset) + first;
    run_steps(g, n, slot, functions);
    for (int i = g->totals; i < g->sinks; i++)
        sink_block(&g->sink[i], base, slot[g->sink[i].slot], first, n);
    for (int i = 0; i < g->stores; i++)
        if (g->store[i].shape_of_access != DENSE)
            gather(g, &g->store[i], base[g->store[i].base] + g->store[i].offset, first, n, slot[g->store[i].slot], 1);
}

/* Run the part of a group that begins at an element, halved as NumPy halves a sum, and find its totals. */
static void run_halves(const Group *g, char *const *base, double **slot, const Function *functions, Py_ssize_t first,
                       Py_ssize_t n, double *total)
{
    if (n <= g->block) {
        run_block(g, base, slot, functions, first, n, 0);
        for (int i = 0; i < g->totals; i++)
            total[i] = sum_of(slot[g->sink[i].slot], n);
        return;
    }
    double other[SINKS];
    Py_ssize_t half = first_half(n);
    run_halves(g, base, slot, functions, first, half, total);
    run_halves(g, base, slot, functions, first + half, n - half, other);
    for (int i = 0; i < g->totals; i++)
        total[i] += other[i];
}

static void run_group(const Group *g, char *const *base, double *scratch, const Function *functions)
{
    double **slot = (double **) scratch;
    Py_ssize_t room = g->size < g->block ? g->size : g->block;
    double *memory = scratch + g->slots;
    if (g->size == 0)
        return;
    for (int i = 0; i < g->slots; i++)
        slot[i] = memory + i * room;
    for (int i = 0; i < g->loads; i++)
        if (g->load[i].shape_of_access == UNIFORM)
            gather(g, &g->load[i], base[g->load[i].base] + g->load[i].offset, 0, room, slot[g->load[i].slot], 0);
    if (g->totals) {
        double total[SINKS];
        run_halves(g, base, slot, functions, 0, g->size, total);
        for (int i = 0; i < g->totals; i++)
            *(double *) (base[g->sink[i].base] + g->sink[i].offset) = 0.0 + total[i];
        return;
    }
    Py_ssize_t row = g->shape[g->axes - 1];
    int by_rows = g->axes > 1 && row >= LONG_ROW;
    for (int i = 0; i < g->sinks; i++)
        by_rows = by_rows && g->sink[i].inner != 1; /* those need blocks of whole rows of their own */
    for (Py_ssize_t first = 0, n; first < g->size; first += n) {
        n = g->size - first < room ? g->size - first : room;
        if (by_rows && n > row - first % row)
            n = row - first % row;
        run_block(g, base, slot, functions, first, n, by_rows);
    }
}

/* --- operations on whole arrays: reductions, generalized universal functions, elements at places that do not change */

enum {
    REDUCE, GENERALIZED,
    TAKE,       /* y[k] = x[place[k]], 0 where the place is -1 */
    SCATTER,    /* y = 0, then y[place[k]] += x[k], or x[from[k]] where there is a second list */
    CAREFUL,    /* generalized, and failed where it says that it is by the flag of invalid operations */
    CUMULATE    /* y[0] = x[0], y[k] = f(y[k - 1], x[k]); the operand has strides */
};

typedef struct {
    int base;
    Py_ssize_t offset;
    Py_ssize_t stride[AXES];     /* bytes; over the loop */
} Place;

typedef struct {
    int way, function, operands; /* the last operand is the target */
    int copies;                  /* a reduction begins with the first element, else with `first` */
    double first;
    Py_ssize_t outer, length, inner, whole; /* elements are (outer, length, inner); places are in (outer, whole, inner) */
    int axes;                    /* a loop over generalized calls */
    Py_ssize_t shape[AXES];
    Py_ssize_t dimension[6], step[12]; /* of a generalized call; in elements and bytes */
    int dimensions, steps;
    Place place[4];
} Whole;

static void reduce_whole(const Whole *w, double *x, double *y, const Function *f)
{
    Py_ssize_t from = w->copies ? 1 : 0;
    for (Py_ssize_t o = 0; o < w->outer; o++, x += w->length * w->inner, y += w->inner) {
        if (w->copies)
            memcpy(y, x, w->inner * sizeof(double));
        else
            for (Py_ssize_t i = 0; i < w->inner; i++)
                y[i] = w->first;
        if (w->inner == 1) {
            char *at[3] = {(char *) y, (char *) (x + from), (char *) y};
            Py_ssize_t stride[3] = {0, 8, 0}, n = w->length - from;
            if (n > 0)
                f->loop(at, &n, stride, f->data);
            continue;
        }
        for (Py_ssize_t k = from; k < w->length; k++) {
            char *at[3] = {(char *) y, (char *) (x + k * w->inner), (char *) y};
            Py_ssize_t stride[3] = {8, 8, 8}, n = w->inner;
            f->loop(at, &n, stride, f->data);
        }
    }
}

static void call_generalized(const Whole *w, char **start, const Function *f, int axis)
{
    char *at[4];
    if (axis + 1 < w->axes) {
        for (Py_ssize_t i = 0; i < w->shape[axis]; i++) {
            for (int k = 0; k < w->operands; k++)
                at[k] = start[k] + i * w->place[k].stride[axis];
            call_generalized(w, at, f, axis + 1);
        }
        return;
    }
    Py_ssize_t dimension[7], step[16];
    dimension[0] = w->shape[axis];
    memcpy(dimension + 1, w->dimension, w->dimensions * sizeof(Py_ssize_t));
    for (int k = 0; k < w->operands; k++) {
        at[k] = start[k];
        step[k] = w->place[k].stride[axis];
    }
    memcpy(step + w->operands, w->step, w->steps * sizeof(Py_ssize_t));
    f->loop(at, dimension, step, f->data);
}

static void take_elements(const Whole *w, const double *x, const int64_t *place, double *y)
{
    Py_ssize_t inner = w->inner;
    for (Py_ssize_t o = 0; o < w->outer; o++, x += w->whole * inner)
        for (Py_ssize_t k = 0; k < w->length; k++, y += inner)
            for (Py_ssize_t i = 0; i < inner; i++)
                y[i] = place[k] < 0 ? 0.0 : x[place[k] * inner + i];
}

static void scatter_elements(const Whole *w, const double *x, const int64_t *place, const int64_t *from, double *y)
{
    Py_ssize_t inner = w->inner;
    memset(y, 0, w->outer * w->whole * inner * sizeof(double));
    if (from) {
        for (Py_ssize_t k = 0; k < w->length; k++)
            y[place[k]] += x[from[k]];
        return;
    }
    for (Py_ssize_t o = 0; o < w->outer; o++, y += w->whole * inner)
        for (Py_ssize_t k = 0; k < w->length; k++, x += inner)
            for (Py_ssize_t i = 0; i < inner; i++)
                y[place[k] * inner + i] += x[i];
}

static void cumulate_whole(const Whole *w, char *x, double *y, const Function *f)
{
    const Py_ssize_t *step = w->place[0].stride;
    Py_ssize_t along = w->inner * sizeof(double), n = w->length - 1;
    for (Py_ssize_t o = 0; o < w->outer; o++, y += w->length * w->inner)
        for (Py_ssize_t i = 0; i < w->inner; i++) {
            char *from = x + o * step[0] + i * step[2];
            char *at[3] = {(char *) (y + i), from + step[1], (char *) (y + i) + along};
            Py_ssize_t stride[3] = {along, step[1], along};
            y[i] = *(double *) from;
            if (n > 0)
                f->loop(at, &n, stride, f->data);
        }
}

/* Return 1 where the operation failed. */
static int run_whole(const Whole *w, char *const *base, const Function *functions)
{
    char *at[4];
    const Function *f = &functions[w->function];
    for (int k = 0; k < w->operands; k++)
        at[k] = base[w->place[k].base] + w->place[k].offset;
    switch (w->way) {
    case REDUCE: reduce_whole(w, (double *) at[0], (double *) at[1], f); break;
    case GENERALIZED: call_generalized(w, at, f, 0); break;
    case TAKE: take_elements(w, (double *) at[0], (int64_t *) at[1], (double *) at[2]); break;
    case CUMULATE: cumulate_whole(w, at[0], (double *) at[1], f); break;
    case CAREFUL:
        feclearexcept(FE_INVALID);
        call_generalized(w, at, f, 0);
        return fetestexcept(FE_INVALID) != 0;
    default:
        scatter_elements(w, (double *) at[0], (int64_t *) at[1], w->operands == 4 ? (int64_t *) at[2] : NULL,
                         (double *) at[w->operands - 1]);
    }
    return 0;
}

#endif
