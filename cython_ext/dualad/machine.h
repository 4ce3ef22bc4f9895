/* The machine that runs a program: scalar instructions one by one, elementwise array instructions block by block.

   No Python object is touched here. Universal functions are run by their own C loops; additions, products and the like
   are spelled out, which gives the same bits, for IEEE 754 says what they are and nothing is contracted. */
#ifndef DUALAD_MACHINE_H
#define DUALAD_MACHINE_H

#include <math.h>
#include <string.h>
#include "loops.h"

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
    OP_GUARD,             /* [op, number, source, outcome]: the truth of a number */
    OP_GUARD_WHOLE,       /* [op, number, source, outcome]: the whole part of a number, the outcome among the doubles */
    OP_GROUP, OP_REDUCE, OP_CALLBACK, /* [op, number] */
    OP_END,
    OP_COUNT
};

/* --- scalars */

typedef void (*Inner)(char **, Py_ssize_t *, Py_ssize_t *, void *);

typedef struct {
    Inner loop;
    void *data;
    int sources;
} Function;

#define TERM(d, g) (((d) != 0) & ((g) != 0) ? (d) * (g) : 0.0)

static double call_function(const Function *f, const int32_t *source, const double *v)
{
    char *at[9];
    Py_ssize_t stride[9] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
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
#define SQUARE(x) pow(x, 2.0)
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
    return pow(x, 2.0);
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
                d[i] = pow(a[i], 2.0);
}

static void block_pow_2(Py_ssize_t n, double *restrict d, const double *a)
{
    if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"))
        block_pow_2_fma(n, d, a);
    else
        for (Py_ssize_t i = 0; i < n; i++)
            d[i] = pow(a[i], 2.0);
}

static const int32_t *run_scalars(const int32_t *p, double *restrict v, const Function *functions)
{
    return __builtin_cpu_supports("fma") ? run_scalars_fma(p, v, functions) : run_scalars_plain(p, v, functions);
}
#else
static void block_pow_2(Py_ssize_t n, double *restrict d, const double *a)
{
    for (Py_ssize_t i = 0; i < n; i++)
        d[i] = pow(a[i], 2.0);
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
#define SQUARE(x) pow(x, 2.0)
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

enum { AXES = 8 };

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
} BlockStep;

typedef struct {
    int axes;
    Py_ssize_t shape[AXES];
    Py_ssize_t size;
    int slots, loads, stores, steps;
    Py_ssize_t block;
    Operand *load, *store;
    BlockStep *step;
} Group;

static inline double loaded(const char *at, int kind)
{
    return kind == 'd' ? *(const double *) at : kind == '?' ? (double) *(const unsigned char *) at
                                                            : (double) *(const int64_t *) at;
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
        if (run > n)
            run = n;
        if (put) {
            if (o->kind == 'd')
                for (Py_ssize_t i = 0; i < run; i++)
                    *(double *) (at + i * stride) = block[i];
            else if (o->kind == '?')
                for (Py_ssize_t i = 0; i < run; i++)
                    *(unsigned char *) (at + i * stride) = block[i] != 0;
            else
                for (Py_ssize_t i = 0; i < run; i++)
                    *(int64_t *) (at + i * stride) = (int64_t) block[i];
        } else if (o->kind == 'd' && stride == 8) {
            memcpy(block, at, run * sizeof(double));
        } else if (stride == 0) {
            double x = loaded(at, o->kind);
            for (Py_ssize_t i = 0; i < run; i++)
                block[i] = x;
        } else if (o->kind == 'd') {
            for (Py_ssize_t i = 0; i < run; i++)
                block[i] = *(const double *) (at + i * stride);
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

static void call_on_block(const Function *f, const BlockStep *s, Py_ssize_t n, double **slot)
{
    char *at[9];
    Py_ssize_t stride[9] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
    for (int i = 0; i < s->sources; i++)
        at[i] = (char *) slot[s->source[i]];
    at[s->sources] = (char *) slot[s->target];
    f->loop(at, &n, stride, f->data);
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
    for (Py_ssize_t first = 0; first < g->size; first += room) {
        Py_ssize_t n = g->size - first < room ? g->size - first : room;
        for (int i = 0; i < g->loads; i++) {
            const Operand *o = &g->load[i];
            char *at = base[o->base] + o->offset;
            if (o->shape_of_access == DENSE)
                slot[o->slot] = (double *) at + first;
            else if (o->shape_of_access == OTHER)
                gather(g, o, at, first, n, slot[o->slot], 0);
        }
        for (int i = 0; i < g->stores; i++)
            if (g->store[i].shape_of_access == DENSE)
                slot[g->store[i].slot] = (double *) (base[g->store[i].base] + g->store[i].offset) + first;
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
            default: call_on_block(&functions[s->function], s, n, slot);
            }
        }
        for (int i = 0; i < g->stores; i++)
            if (g->store[i].shape_of_access != DENSE)
                gather(g, &g->store[i], base[g->store[i].base] + g->store[i].offset, first, n, slot[g->store[i].slot], 1);
    }
}

/* --- reductions of dense arrays, in NumPy's order: a universal function's own loop with a target that stays */

typedef struct {
    int function;
    int copies;                  /* the target begins with the first element, else with `first` */
    double first;
    Py_ssize_t outer, inner;     /* target i reduces elements i*inner ... ; or, where `rows`, elements i, i + outer, ... */
    int rows;
    Operand source, target;
} Reduction;

static void run_reduction(const Reduction *r, char *const *base, const Function *functions)
{
    double *x = (double *) (base[r->source.base] + r->source.offset);
    double *y = (double *) (base[r->target.base] + r->target.offset);
    const Function *f = &functions[r->function];
    Py_ssize_t from = r->copies ? 1 : 0;
    if (r->rows) {
        for (Py_ssize_t i = 0; i < r->outer; i++)
            y[i] = r->copies ? x[i] : r->first;
        for (Py_ssize_t k = from; k < r->inner; k++) {
            char *at[3] = {(char *) y, (char *) (x + k * r->outer), (char *) y};
            Py_ssize_t stride[3] = {8, 8, 8};
            Py_ssize_t n = r->outer;
            f->loop(at, &n, stride, f->data);
        }
        return;
    }
    for (Py_ssize_t i = 0; i < r->outer; i++) {
        char *at[3] = {(char *) &y[i], (char *) (x + i * r->inner + from), (char *) &y[i]};
        Py_ssize_t stride[3] = {0, 8, 0};
        Py_ssize_t n = r->inner - from;
        y[i] = r->copies ? x[i * r->inner] : r->first;
        if (n > 0)
            f->loop(at, &n, stride, f->data);
    }
}

#endif
