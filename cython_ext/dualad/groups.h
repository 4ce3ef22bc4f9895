/* Groups of elementwise operations on arrays, run block by block, with the sums of what is in the blocks.

   A part of machine.h, which includes what it needs. */
#ifndef DUALAD_GROUPS_H
#define DUALAD_GROUPS_H

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

#endif
