"""Mistakes as people make them in rules: a sign, a factor, a dropped term, a wrong index, a missing broadcast sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from planting import Mutation, apply, formulas, jvp, products, transpose, value, vjp
from scipy import special

X = np.array([0.4, 0.9, 1.3, 0.7])
A = np.array([[1.9, 0.3, 0.2], [0.4, 2.1, 0.5], [0.1, 0.6, 2.4]])
W = np.array([[0.3, -1.2, 0.8], [1.1, 0.5, -0.4], [-0.7, 0.9, 1.6]])


def through(function: Any) -> Any:
    """A program with the function in the midst of others."""
    return lambda x: np.sum(np.sin(x) * function(x) + x**3)


def in_pairs(function: Any) -> Any:
    """A program with a function of two arguments."""
    return lambda x: np.sum(function(x[:2] * x[3], x[2:] + x[0]) * np.exp(x[1]))


def of_matrix(function: Any) -> Any:
    """A program with a function of a matrix that takes a result of any shape."""

    def program(x: Any) -> Any:
        y = function(x * x[0, 1])
        return np.sum(np.cos(y) * y) + np.exp(x[1, 1])

    return program


ELEMENTWISE = [
    Mutation("sign", "sin", formulas("-cos(x)"), lambda x: np.sum(np.sin(x) * x), X),
    Mutation("sign", "cos", formulas("sin(x)"), through(np.cos), X),
    Mutation("sign", "arcsin", formulas("-1/sqrt((1 - x)*(1 + x))"), through(lambda x: np.arcsin(x / 2)), X),
    Mutation("sign", "subtract", formulas("1", "1"), in_pairs(np.subtract), X),
    Mutation("sign", "divide", formulas("1/y", "v/y"), in_pairs(np.divide), X),
    Mutation("sign", "arctan2", formulas("-x/hypot(x, y)**2", "-y/hypot(x, y)**2"), in_pairs(np.arctan2), X),
    Mutation("sign", "gammaln", formulas("-digamma(x)"), through(special.gammaln), X),
    Mutation("factor", "exp", formulas("2*v"), through(np.exp), X),
    Mutation("factor", "log", formulas("1.4426950408889634/x"), through(np.log), X),
    Mutation("factor", "sqrt", formulas("1/v"), through(np.sqrt), X),
    Mutation("factor", "square", formulas("x"), through(np.square), X),
    Mutation("factor", "erf", formulas("0.5641895835477563*exp(-x*x)"), through(special.erf), X),
    Mutation("factor", "power", formulas("y*power(x, y - 1)", "v*log(x)/2"), in_pairs(np.power), X),
    Mutation("dropped term", "expm1", formulas("v"), through(np.expm1), X),
    Mutation("dropped term", "log1p", formulas("1/x"), through(np.log1p), X),
    Mutation("dropped term", "tanh", formulas("1 - v"), through(np.tanh), X),
    Mutation("dropped term", "arctan", formulas("1/(x*x)"), through(np.arctan), X),
    Mutation("dropped term", "jv", formulas("0", "0.5*jv(n - 1, x)"), through(lambda x: special.jv(1.0, x)), X),
    Mutation("dropped term", "xlogy", formulas("log(y)", "1/y"), in_pairs(special.xlogy), X),
    Mutation("index", "multiply", formulas("x", "y"), in_pairs(np.multiply), X),
    Mutation("index", "hypot", formulas("y/v", "x/v"), in_pairs(np.hypot), X),
    Mutation("index", "maximum", formulas("where(x < y, 1, 0)", "where(x < y, 0, 1)"), in_pairs(np.maximum), X),
    Mutation("index", "logaddexp", formulas("exp(y - v)", "exp(x - v)"), in_pairs(np.logaddexp), X),
    Mutation("index", "i0", formulas("i0(x)"), through(np.i0), X),
]

LINEAR = [
    Mutation(
        "factor", "sum", transpose(lambda right, g: 2 * right.transpose(g)), of_matrix(lambda x: x.sum(axis=0)), A
    ),
    Mutation(
        "factor", "mean", transpose(lambda right, g: 3 * right.transpose(g)), of_matrix(lambda x: np.mean(x, axis=1)), A
    ),
    Mutation("factor", "trace", apply(lambda right, t: right.apply(t) / 3), of_matrix(lambda x: np.trace(x)), A),
    Mutation("index", "cumsum", transpose(lambda right, g: right.apply(g)), through(np.cumsum), X),
    Mutation("index", "roll", transpose(lambda right, g: right.apply(g)), through(lambda x: np.roll(x, 1)), X),
    Mutation("index", "rot90", apply(lambda right, t: right.transpose(t)), of_matrix(lambda x: np.rot90(x) * W), A),
    Mutation(
        "index",
        "take",
        transpose(lambda right, g: right.transpose(g)[..., ::-1]),
        through(lambda x: np.take(x, [2, 0, 0, 1])),
        X,
    ),
    Mutation("sign", "ravel", apply(lambda right, t: -right.apply(t)), of_matrix(lambda x: np.ravel(x.T)), A),
    Mutation(
        "broadcast sum",
        "broadcast_to",
        transpose(lambda right, g: g[..., 0, :]),
        lambda x: np.sum(np.broadcast_to(np.exp(x), (3, 4)) * x),
        X,
    ),
    Mutation(
        "broadcast sum", "repeat", transpose(lambda right, g: g[..., ::2]), lambda x: np.sum(np.cos(np.repeat(x, 2))), X
    ),
    Mutation(
        "broadcast sum", "tile", transpose(lambda right, g: g[..., :4]), lambda x: np.sum(np.cos(np.tile(x, 3))), X
    ),
    Mutation(
        "index",
        "concatenate",
        transpose(lambda right, g: right.transpose(g)[::-1]),
        lambda x: np.sum(np.concatenate([np.exp(x), np.sin(x)]) ** 2),
        X,
    ),
    Mutation(
        "dropped term", "diagonal", apply(lambda right, t: 0 * right.apply(t)), of_matrix(lambda x: np.diagonal(x)), A
    ),
]

BILINEAR = [
    Mutation(
        "index",
        "matmul",
        products(lambda right, i, g, *x: g @ x[1] if i == 0 else right.transpose(i, g, *x)),
        of_matrix(lambda x: np.matmul(x, W)),
        A,
    ),
    Mutation(
        "sign",
        "dot",
        products(lambda right, i, g, *x: -right.transpose(i, g, *x) if i else right.transpose(i, g, *x)),
        lambda x: np.dot(np.sin(x), np.exp(x)),
        X,
    ),
    Mutation(
        "index",
        "einsum",
        products(lambda right, i, g, *x: np.swapaxes(right.transpose(i, g, *x), -1, -2)),
        of_matrix(lambda x: np.einsum("ij,jk->ik", x, W)),
        A,
    ),
    Mutation(
        "factor",
        "outer",
        products(lambda right, i, g, *x: 0.5 * right.transpose(i, g, *x)),
        lambda x: np.sum(np.outer(np.sin(x), x) ** 2),
        X,
    ),
    Mutation(
        "dropped term",
        "convolve",
        products(lambda right, i, g, *x: right.transpose(i, g, *x) * (i == 0)),
        lambda x: np.sum(np.convolve(np.sin(x), x[:2]) ** 2),
        X,
    ),
    Mutation(
        "sign",
        "cross",
        products(lambda right, i, g, *x: -right.transpose(i, g, *x)),
        lambda x: np.sum(np.cross(np.sin(x[0]), x[1]) * x[2]),
        A,
    ),
]

RULED = [
    Mutation(
        "index",
        "linalg.solve",
        vjp(lambda right, v, x, g: (right.vjp(v, x, g)[0], np.linalg.solve(x[0], g))),
        lambda x: np.sum(np.linalg.solve(x, np.sin(x[0])) ** 2),
        A,
    ),
    Mutation("sign", "linalg.inv", vjp(lambda right, v, x, g: (-right.vjp(v, x, g)[0],)), of_matrix(np.linalg.inv), A),
    Mutation("factor", "linalg.det", jvp(lambda right, v, x, t: 3 * right.jvp(v, x, t)), of_matrix(np.linalg.det), A),
    Mutation(
        "dropped term",
        "prod",
        vjp(lambda right, v, x, g: (np.ones_like(x[0]) * g[..., None] * v,)),
        through(np.prod),
        X,
    ),
    Mutation(
        "index", "sort", vjp(lambda right, v, x, g: (g * np.ones_like(x[0]),)), through(lambda x: np.sort(x) * X), X
    ),
    Mutation("factor", "max", vjp(lambda right, v, x, g: (0.5 * right.vjp(v, x, g)[0],)), through(np.max), X),
    Mutation(
        "dropped term",
        "linalg.cholesky",
        jvp(lambda right, v, x, t: np.tril(right.jvp(v, x, t), -1)),
        of_matrix(lambda x: np.linalg.cholesky(x @ x.T)),
        A,
    ),
    Mutation("factor", "linalg.norm", jvp(lambda right, v, x, t: 2 * right.jvp(v, x, t)), through(np.linalg.norm), X),
    Mutation(
        "index",
        "linalg.slogdet",
        vjp(lambda right, v, x, g: (np.swapaxes(right.vjp(v, x, g)[0], -1, -2),)),
        of_matrix(lambda x: np.linalg.slogdet(x)[1]),
        A,
    ),
]

COMPOSED = [
    Mutation(
        "factor", "var", value(lambda a, axis=None, **rest: np.mean((a - np.mean(a)) ** 2) * 1.25), through(np.var), X
    ),
    Mutation(
        "dropped term", "trapezoid", value(lambda y, x=None, dx=1.0, axis=-1: dx * np.sum(y)), through(np.trapezoid), X
    ),
    Mutation("sign", "ptp", value(lambda a, axis=None, **rest: np.min(a) - np.max(a)), through(np.ptp), X),
]

MUTATIONS = ELEMENTWISE + LINEAR + BILINEAR + RULED + COMPOSED
