"""print(tape): the exact text of a few tapes that show every kind of node."""

import numpy as np
import pytest

from dualad.draw import format_tape
from dualad.drivers.recording import record


def page(f, *args, **options):
    return format_tape(record(f, *args), **options)


def test_scalars():
    def f(x1, x2):
        return np.log(x1) + x1 * x2 - np.sin(x2)

    assert (
        page(f, 2.0, 5.0)
        == """\
tape: 7 nodes, 2 inputs, 1 output
%0 = input      () = 2
%1 = input      () = 5
%2 = log %0     () = 0.693147
%3 = %0 * %1    () = 10
%4 = %2 + %3    () = 10.6931
%5 = sin %1     () = -0.958924
%6 = %4 - %5    () = 11.6521
output %6"""
    )


def test_constants_signs_and_calls():
    def f(x):
        return np.hypot(-x, 2.0) + (-2.0) ** (x * 0.5) + np.tanh(1 - x) / 1e-3

    assert (
        page(f, 4.0)
        == """\
tape: 10 nodes, 1 input, 1 output
%0 = input           () = 4
%1 = -%0             () = -4
%2 = hypot(%1, 2)    () = 4.47214
%3 = %0 * 0.5        () = 2
%4 = (-2) ** %3      () = 4
%5 = %2 + %4         () = 8.47214
%6 = 1 - %0          () = -3
%7 = tanh %6         () = -0.995055
%8 = %7 / 0.001      () = -995.055
%9 = %5 + %8         () = -986.583
output %9"""
    )


def test_arrays_views_and_calls():
    def f(x):
        a = np.reshape(x, (2, 3))
        return np.sum(a @ a.T, axis=0)[1] + np.sum(x[1::2] ** 2) + np.concatenate([x, x[:2]])[-1] + a[1, 2]

    assert (
        page(f, np.arange(6.0))
        == """\
tape: 16 nodes, 1 input, 1 output
%0 = input                             (6,) float64
%1 = reshape(%0, (2, 3))               (2, 3) float64
%2 = transpose(reshape(%0, (2, 3)))    (3, 2) float64
%3 = %1 @ %2                           (2, 2) float64
%4 = sum(%3, axis=0)                   (2,) float64
%5 = %4[1]                             () = 64
%6 = %0[1::2]                          (3,) float64
%7 = %6 ** 2                           (3,) float64
%8 = sum %7                            () = 35
%9 = %5 + %8                           () = 99
%10 = %0[:2]                           (2,) float64
%11 = concatenate([%0, %10])           (8,) float64
%12 = %11[7]                           () = 1
%13 = %9 + %12                         () = 100
%14 = %0[5]                            () = 5
%15 = %13 + %14                        () = 105
output %15"""
    )


def test_writes():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        y[1] = 3.0
        y[1:3] *= x[0]
        y[2:] = 4.0
        return np.sum(y)

    assert (
        page(f, np.array([1.0, 2.0, 3.0]))
        == """\
tape: 13 nodes, 1 input, 1 output
%0 = input                      (3,) float64
%1 = constant [0, 0, 0]         (3,) float64
%2 = %0[0]                      () = 1
%3 = %1 with [0] = %2           (3,) float64
%4 = %3 with [1] = 3            (3,) float64
%5 = %0[0]                      () = 1
%6 = %4[1:3]                    (2,) float64
%7 = %6 * %5                    (2,) float64
%8 = %4 with [1:3][...] = %7    (3,) float64
%9 = %8[1:3]                    (2,) float64
%10 = %8 with [1:3] = %9        (3,) float64
%11 = %10 with [2:] = 4         (3,) float64
%12 = sum %11                   () = 8
output %12"""
    )


def test_results_in_parts():
    def f(x):
        q, r = np.linalg.qr(x)
        return np.sum(q) + r[0, 1]

    assert (
        page(f, np.array([[2.0, 1.0], [0.0, 1.0]]))
        == """\
tape: 7 nodes, 1 input, 1 output
%0 = input           (2, 2) float64
%1 = linalg.qr %0    2 results
%2 = %1[0]           (2, 2) float64
%3 = %1[1]           (2, 2) float64
%4 = sum %2          () = 2
%5 = %3[0, 1]        () = 1
%6 = %4 + %5         () = 3
output %6"""
    )


def test_guards_are_shown_at_the_node_they_rely_on():
    def f(x):
        if x[0] > 0 and x[0] > 0:
            return x[np.argmax(x)] * 2
        return x[0]

    assert (
        page(f, np.array([1.0, 2.0, 3.0]))
        == """\
tape: 8 nodes, 1 input, 1 output, 3 guards
%0 = input        (3,) float64
%1 = %0[0]        () = 1
%2 = %1 > 0       () bool = True
guard %2 is True
%3 = %0[0]        () = 1
%4 = %3 > 0       () bool = True
guard %4 is True
%5 = argmax %0    () int64 = 2
guard %5 is 2
%6 = %0[2]        () = 3
%7 = %6 * 2       () = 6
output %7"""
    )


def test_masks_and_conditions():
    def f(x):
        return np.sum(np.where(x > 1, x, 0.0)) + np.sum(x[x < 3])

    assert (
        page(f, np.array([1.0, 2.0, 3.0]))
        == """\
tape: 8 nodes, 1 input, 1 output, 1 guard
%0 = input                      (3,) float64
%1 = %0 > 1                     (3,) bool
%2 = where(%1, %0, 0)           (3,) float64
%3 = sum %2                     () = 5
%4 = %0 < 3                     (3,) bool
guard %4 is [True, True, False]
%5 = %0[[True, True, False]]    (2,) float64
%6 = sum %5                     () = 3
%7 = %3 + %6                    () = 8
output %7"""
    )


def test_the_middle_of_a_long_tape_is_left_out():
    def f(x):
        for _ in range(1000):
            x = x + 1
        return x

    lines = page(f, 1.0).splitlines()
    assert len(lines) == 403
    assert lines[300] == "%299 = %298 + 1     () = 300"
    assert lines[301] == "... 601 nodes are left out; dualad.draw.format_tape(tape, most=None) shows all"
    assert lines[302] == "%901 = %900 + 1     () = 902"
    assert len(page(f, 1.0, most=None).splitlines()) == 1003
    assert "..." not in page(f, 1.0, most=None)


def test_several_outputs_and_none():
    assert page(lambda x: (x * 2, x * 3), 1.0).endswith("output %1\noutput %2")
    assert page(lambda x: 3.0, 1.0) == "tape: 1 node, 1 input, 0 outputs\n%0 = input    () = 1"


def test_single_precision_shows_its_type():
    text = page(lambda x: np.sum(x * x), np.ones(3, np.float32))
    assert "%1 = %0 * %0    (3,) float32" in text


def test_values_under_an_outer_derivative():
    import dualad

    seen = []

    def f(x):
        tape = record(lambda y: np.sin(y) * y, x)
        seen.append(format_tape(tape))
        return x

    dualad.jvp(f, (2.0,), (1.0,))
    assert "%1 = sin %0" in seen[0] and "= 0.909297" in seen[0]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_any_limit_is_kept(most):
    def f(x):
        for _ in range(20):
            x = x * 2
        return x

    assert sum(line.startswith("%") for line in page(f, 1.0, most=most).splitlines()) == most
