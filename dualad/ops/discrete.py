"""Functions whose results do not vary with their arguments, and functions that are known to have no rule.

A result that only takes separate values (a truth value, an index, a count, a shape, a text) is constant between its
jumps: these functions are called on the values, and what they return is plain.
"""

from __future__ import annotations

from dualad.ops.table import discrete, unwritten

# Comparisons and truth values.
discrete(
    "numpy.equal", "numpy.not_equal", "numpy.less", "numpy.less_equal", "numpy.greater", "numpy.greater_equal",
    "numpy.logical_and", "numpy.logical_or", "numpy.logical_xor", "numpy.logical_not",
    "numpy.all", "numpy.any", "numpy.allclose", "numpy.isclose", "numpy.array_equal", "numpy.array_equiv", "numpy.isin",
)  # fmt: skip

# What kind of number an element is.
discrete(
    "numpy.isfinite", "numpy.isinf", "numpy.isnan", "numpy.isnat", "numpy.isneginf", "numpy.isposinf", "numpy.signbit",
    "numpy.isreal", "numpy.iscomplex", "numpy.isrealobj", "numpy.iscomplexobj",
)  # fmt: skip

# Indices and counts.
discrete(
    "numpy.argmax", "numpy.argmin", "numpy.nanargmax", "numpy.nanargmin", "numpy.argsort", "numpy.argpartition",
    "numpy.lexsort", "numpy.argwhere", "numpy.nonzero", "numpy.flatnonzero", "numpy.count_nonzero",
    "numpy.searchsorted", "numpy.digitize", "numpy.ravel_multi_index", "numpy.unravel_index", "numpy.diag_indices_from",
    "numpy.tril_indices_from", "numpy.triu_indices_from", "numpy.linalg.matrix_rank",
)  # fmt: skip

# Shapes, dtypes, memory and text.
discrete(
    "numpy.shape", "numpy.ndim", "numpy.size", "numpy.result_type", "numpy.can_cast", "numpy.common_type",
    "numpy.min_scalar_type", "numpy.shares_memory", "numpy.may_share_memory", "numpy.einsum_path",
    "numpy.array2string", "numpy.array_repr", "numpy.array_str",
)  # fmt: skip

for _name in ("histogram", "histogram2d", "histogramdd", "histogram_bin_edges"):
    unwritten(
        f"numpy.{_name}",
        "its counts jump where an element crosses an edge, and its edges may depend on the extremes of the data",
        "use np.searchsorted with edges of your own for the counts, and sums of smooth weights for a smooth histogram",
    )

for _name in ("intersect1d", "setdiff1d", "setxor1d", "union1d"):
    unwritten(
        f"numpy.{_name}",
        "which elements are kept depends on which are exactly equal",
        "find the indices on plain values (np.isin, np.searchsorted) and index with them",
    )

for _name in (
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_count", "invert", "left_shift", "right_shift", "gcd", "lcm",
    "packbits", "unpackbits",
):  # fmt: skip
    unwritten(
        f"numpy.{_name}",
        "it takes whole numbers or truth values only",
        "call it on plain integers; for truth values of comparisons use np.logical_and and its kin",
    )

for _name in ("arccos", "arcsin", "arctanh", "log", "log10", "log2", "logn", "power", "sqrt"):
    unwritten(
        f"numpy.lib.scimath.{_name}",
        "its result becomes complex outside the real domain, and complex arrays carry no derivatives yet",
        "use the function of the same name in numpy, with real arguments inside its domain",
    )
