/* Operations on whole arrays: reductions, generalized universal functions, elements at places that do not change.

   A part of machine.h, which includes what it needs. */
#ifndef DUALAD_WHOLES_H
#define DUALAD_WHOLES_H

#include <fenv.h>

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
