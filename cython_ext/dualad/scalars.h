/* The body of the scalar machine, included once for each way to square and for several points at once (see machine.h):
   instructions by a table of labels.

   An instruction is [opcode, target, sources...], numbers of doubles in v; AT(i) is double i, EACH goes over the points. */
{
    static const void *const label[OP_COUNT] = {
        &&add, &&subtract, &&multiply, &&divide, &&negative, &&less, &&less_equal, &&greater, &&greater_equal, &&equal,
        &&not_equal, &&where, &&scale, &&square, &&power, &&move, &&and, &&or, &&not, &&is_nan, &&is_finite, &&is_inf,
        &&xor, &&square, &&call, &&multiply_add, &&multiply_subtract, &&subtract_multiply, &&scale_add, &&sum, &&copy, &&guard,
        &&guard_whole, &&stop, &&stop, &&stop, &&stop};
#define A AT(p[2])
#define B AT(p[3])
#define C AT(p[4])
#define GO(width) p += width; goto *label[*p]
#define DO(name, width, value) name: EACH AT(p[1]) = value; GO(width);
    goto *label[*p];
    DO(add, 4, A + B)
    DO(subtract, 4, A - B)
    DO(multiply, 4, A * B)
    DO(divide, 4, A / B)
    DO(negative, 3, -A)
    DO(less, 4, A < B)
    DO(less_equal, 4, A <= B)
    DO(greater, 4, A > B)
    DO(greater_equal, 4, A >= B)
    DO(equal, 4, A == B)
    DO(not_equal, 4, A != B)
    DO(where, 5, A != 0 ? B : C)
    DO(scale, 4, TERM(A, B))
    DO(square, 3, SQUARE(A))
    DO(power, 4, pow(A, B))
    DO(move, 3, A)
    DO(and, 4, (A != 0) & (B != 0))
    DO(or, 4, (A != 0) | (B != 0))
    DO(not, 3, A == 0)
    DO(is_nan, 3, A != A)
    DO(is_finite, 3, A - A == 0)
    DO(is_inf, 3, A == A && A - A != 0)
    DO(xor, 4, (A != 0) ^ (B != 0))
call:
    CALL(&functions[p[2]]);
    GO(3 + functions[p[2]].sources);
    DO(multiply_add, 5, A * B + C)
    DO(multiply_subtract, 5, A * B - C)
    DO(subtract_multiply, 5, C - A * B)
    DO(scale_add, 5, TERM(A, B) + C)
sum:
    EACH {
        double total = A;
        for (int32_t i = 0; i < p[3]; i++)
            total += AT(p[4 + i]);
        AT(p[1]) = total;
    }
    GO(4 + p[3]);
copy:
    EACH for (int32_t i = 0; i < p[3]; i++)
        AT(p[1] + i) = AT(p[2] + i);
    GO(4);
guard:
    EACH if ((A != 0) != p[3]) FAIL;
    GO(4);
guard_whole:
    EACH if (!(trunc(A) == B)) FAIL;
    GO(4);
stop:
    return p;
#undef A
#undef B
#undef C
#undef GO
#undef DO
}
