/* What a program is made of, as the machine reads it: its opcodes, and what one instruction may stand for. */
#ifndef DUALAD_PARTS_H
#define DUALAD_PARTS_H

#include <stdint.h>
#include <Python.h>

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

/* --- functions */

typedef void (*Inner)(char **, Py_ssize_t *, Py_ssize_t *, void *);

typedef struct {
    Inner loop;
    void *data;
    int sources;
    int plain;              /* of single elements, no generalized universal function */
    int tied;               /* which of two zeros it returns follows from the steps of its operands */
} Function;

/* --- groups of elementwise operations on arrays */

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

#endif
