"""Every exception class and every sentence that a user may meet: what happened, why, and what to write instead."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ChangedConstant", "DerivativeLost", "DifferentiationError", "DiscreteArgument", "ImpureFunction", "NotOffered",
    "NotScalar",
    "NotWritten", "RaggedReturn", "UnknownFunction", "UnsupportedType", "WrongShape",
]  # fmt: skip


class DifferentiationError(Exception):
    """Base of all errors of this package."""


class DerivativeLost(DifferentiationError, TypeError):
    """An operation would have kept the value and dropped the derivative."""


class ChangedConstant(DifferentiationError, ValueError):
    """An array that the function used was changed before its derivative was taken."""


class CorruptProgram(DifferentiationError, ValueError):
    """A compiled program that is no program: damaged where it was stored, or not made by this package."""


class DiscreteArgument(DifferentiationError, TypeError):
    """A derivative was asked in an argument that only takes separate values."""


class ImpureFunction(UserWarning):
    """A compiled function gives other results at equal arguments, or changes what it sees: it is not replayed."""


class NotOffered(DifferentiationError, AttributeError):
    """A method or attribute of ndarray that has no meaning for values with derivatives."""


class NotScalar(DifferentiationError, TypeError):
    """A gradient was asked of a function that returns several numbers."""


class NotWritten(DifferentiationError, NotImplementedError):
    """The derivative exists and this package has no rule for it yet."""


class RaggedReturn(DifferentiationError, ValueError):
    """A function returned parts that make no array."""


class UnknownFunction(DifferentiationError, TypeError):
    """A function that is not in the operator table was called on an array that carries derivatives."""


class UnsupportedType(DifferentiationError, TypeError):
    """A complex, string, object or half-precision value where a real number is needed."""


class WrongShape(DifferentiationError, ValueError):
    """A tangent, seed or chunk that does not fit the array it belongs to."""


def lost_by(kind: str) -> str:
    """Sentence for ``float(x)``, ``math.sin(x)`` and ``plain_array[i] = x``."""
    return (
        f"{kind}() of an array that carries derivatives would keep the value and lose the derivative. It is called by "
        f"{kind}(x), by the functions of math, by assigning into a plain array, by np.array([a, b], dtype=float), and "
        "by np.mean and np.std of a list or of A.dot(x), A a plain array. Instead of math.sin(x) write np.sin(x); "
        "instead of A.dot(x) write A @ x; instead of y = np.zeros(n) write "
        "y = np.zeros(n, like=x) or np.zeros_like(x); instead of np.array([a, b], dtype=float) write "
        "np.array([a, b], like=x); instead of np.mean([a, b]) write np.mean(np.array([a, b], like=x)); and leave "
        f"{kind}(x) out: x is a number already."
    )


def lost_out(name: str) -> str:
    """Sentence for ``out=`` or an in-place function with a plain array."""
    return (
        f"{name} was asked to write its result into a plain array (by out= or by an operator such as +=), which cannot "
        "hold the derivative. Leave out= away and write y = y + x, or make the array with np.zeros_like(x) or "
        "np.zeros(n, like=x)."
    )


def is_refused_object(error: Exception) -> bool:
    """Say whether an error of NumPy or SciPy says that an array of objects was refused."""
    said = str(error)
    return type(error).__module__ != __name__ and any(words in said for words in _OF_OBJECTS)


_OF_OBJECTS = (
    "dtype('O')", "object arrays are not supported", "object dtype", "dtype object", "unsupported data types in input",
    "loop of ufunc does not support argument", "inputs could not be safely coerced to any supported types",
    "ObjectDType' object has no attribute",
)  # fmt: skip


def reword(error: Exception) -> None:
    """Raise an error in our own words where NumPy or SciPy said it in theirs, and return otherwise.

    Those who refuse an array of objects do not know what the objects are; and NumPy says "setting an array element with
    a sequence" where ``float(x)`` of an element was refused.
    """
    if isinstance(error.__cause__, DerivativeLost) and str(error).startswith("setting an array element"):
        raise DerivativeLost(*error.__cause__.args) from error
    if "unhashable type: 'dualad." in str(error):
        raise DerivativeLost(unhashable()) from error
    if is_refused_object(error):
        raise DerivativeLost(made_of_objects(str(error))) from error
    if any(words in str(error) for words in _OVER_OURS):
        error.add_note(root_of_plain_numbers())


# Whose compiled code sets these in place of the error that float(x) raised; they may as well mean what they say.
_OVER_OURS = "f(a) and f(b) must have different signs", "Unable to parse arguments"
REWORDED = TypeError, ValueError, AttributeError, RuntimeError  #: what may be said in our own words


def root_of_plain_numbers() -> str:
    """Sentence for a root finder in compiled code that was given numbers with derivatives."""
    return (
        "dualad: brentq, bisect, ridder and toms748 are compiled and take plain numbers only. If the function or the "
        "bracket depends on a number that carries derivatives, that is the cause. Find the root r with plain numbers, "
        "x.value instead of x, and return r - g(r, x) / dg(r, x), a step of Newton's method, whose derivative is that "
        "of the root; or use scipy.optimize.newton."
    )


def made_of_objects(said: str) -> str:
    """Sentence for a compiled routine that was given an array of numbers with derivatives."""
    return (
        f"a routine of NumPy or SciPy refused an array of objects ({said}). Numbers that carry derivatives become one "
        "in np.array([[a, b], [c, d]]), and in functions of SciPy that look for no other kind of array. Write "
        "np.array([[a, b], [c, d]], like=x) or np.stack, and NumPy's functions instead of SciPy's: np.linalg.solve "
        "instead of scipy.linalg.solve, np.logaddexp.reduce(x, axis=0) instead of scipy.special.logsumexp(x, axis=0), "
        "(x - x.mean()) / x.std() instead of scipy.stats.zscore(x); or give the derivative yourself (jac=)."
    )


def unhashable() -> str:
    """Sentence for a number with derivatives as a key of a dictionary."""
    return (
        "a number that carries derivatives cannot be a key of a dictionary, a member of a set or an argument of a "
        "cached function (functools.lru_cache): equal values with different derivatives would find each other. Call "
        "the function under the cache, f.__wrapped__(x), or take the plain number, x.value, as the key."
    )


def not_a_vector(what: str, shape: Any) -> str:
    """Sentence for a function that returns a matrix where SciPy takes a number or a vector."""
    return f"{what} returned an array of shape {tuple(shape)}; return one number or a vector (np.ravel makes one)."


def lost_dtype(name: str, dtype: Any) -> str:
    """Sentence for ``dtype=int`` and the like."""
    return (
        f"{name} was asked for a result of dtype {np.dtype(dtype)}, which carries no derivative. Leave dtype= away, or "
        "write np.floor, np.rint or np.trunc where rounding is meant."
    )


def lost_nested(where: str) -> str:
    """Sentence for storing an outer derivative's value in an array that was not made for it."""
    return (
        f"{where}: the array was made before the value's derivative began, so it cannot hold that derivative. Make the "
        "array inside the differentiated function, from its argument: np.zeros_like(x) or np.zeros(n, like=x)."
    )


def unknown(name: str) -> str:
    """Sentence for a function without a row."""
    return (
        f"{name} has no rule in the operator table, so its derivative is not known. Write it with functions that have "
        "one (NumPy's elementwise functions, reductions, indexing, products and linear algebra do), or add a row "
        "with dualad.ops.table.op (see CONTRIBUTING)."
    )


def made_by_frompyfunc(name: str) -> str:
    """Sentence for a universal function that was made of one of Python's."""
    return (
        f"{name} was made by np.frompyfunc, which does not say of what function, so its derivative is not known. Use "
        "np.vectorize(f), or write f with NumPy's functions and call it with the array."
    )


def unwritten(name: str, reason: str, instead: str) -> str:
    """Sentence for a function that is known and has no rule."""
    return f"{name} has no derivative here: {reason}." + (f" Instead, {instead}." if instead else "")


def not_offered(name: str) -> str:
    """Sentence for a method or attribute that looks at the memory of an ndarray."""
    return (
        f"{name} of an array that carries derivatives would work on the memory of its values alone and lose the "
        "derivatives. Take it of x.value where only the values are wanted, or work on the array with NumPy's functions "
        "(np.resize, np.copy, x[...] for a view)."
    )


def not_written(name: str, argument: str, reason: str) -> str:
    """Sentence for a Todo."""
    return (
        f"the derivative of {name} in its argument {argument!r} is not written yet: {reason}. Hold {argument!r} "
        "constant (pass the plain number), or supply this derivative by a row of your own."
    )


def discrete_argument(name: str, argument: str) -> str:
    """Sentence for a seed in a NoTangent argument."""
    return (
        f"{name} has no derivative in its argument {argument!r}: it only takes separate values (a count, an index, a "
        f"condition). Pass {argument!r} as a plain number or array, and differentiate in the other arguments."
    )


def changed_constant(shape: Any) -> str:
    """Sentence for a work array that was filled anew after it had been used."""
    return (
        f"an array of shape {tuple(shape)} that the function used was changed before its derivative was taken. The "
        "rules would read the new numbers. Use a copy where it is first used (x * buffer.copy()), or fill another "
        "array."
    )


def lanes_differ(one: int, other: int) -> str:
    """Sentence for two arrays that carry different numbers of directions."""
    return (
        f"two arrays of the same derivative carry {one} and {other} directions (or are of different kinds). Give every "
        "Dual of one computation the same number of tangents."
    )


def wrong_lanes(name: str, wanted: str, inner: Any, found: Any) -> str:
    """Sentence for the constructors of Dual and HyperDual."""
    return (
        f"{name} must have shape {wanted} with S = {tuple(inner)}, the shape of the value; it has shape {tuple(found)}."
    )


def unsupported(name: str, dtype: Any, verb: str = "takes") -> str:
    """Sentence for what is not real float64, float32, integer or boolean."""
    kind = np.dtype(dtype).kind
    remedy = {
        "c": "use the real and the imaginary part as two real arrays",
        "O": "make it a float array: np.array(x, dtype=float)",
        "U": "convert the text to numbers first: np.array(x, dtype=float)",
        "S": "convert the text to numbers first: np.array(x, dtype=float)",
    }.get(kind, "convert it to double precision first: x.astype(np.float64)")
    return (
        f"{name} {verb} real numbers of float64 or float32 (integers become float64), not {np.dtype(dtype)}: {remedy}."
    )


def check_kind(x: Any) -> None:
    """Refuse the kinds of ndarray whose operators mean something else: masked arrays and matrices."""
    masked = "numpy.ma" in sys.modules and isinstance(x, np.ma.MaskedArray)
    if masked or isinstance(x, np.matrix):
        name, instead = ("a masked array", "np.where(mask, 0.0, x.data)") if masked else ("a matrix", "np.asarray(x)")
        raise UnsupportedType(
            f"{name} among arrays that carry derivatives would lose its meaning. Use a plain array instead: {instead}."
        )


def check_real(dtype: Any, name: str, verb: str = "takes") -> None:
    """Raise unless a dtype is one that carries derivatives."""
    if dtype.kind != "f" or dtype.itemsize not in (4, 8):
        raise UnsupportedType(unsupported(name, dtype, verb))


def check_result(dtype: Any, name: str) -> None:
    """Raise unless the result of a row is of a dtype that carries derivatives."""
    if dtype.kind == "c" and "fft" in name:
        raise UnsupportedType(
            f"{name} returns complex numbers, which carry no derivatives. Write the transform as two real products: "
            "with F = np.fft.rfft(np.eye(n)), or np.fft.fft(np.eye(n)), the real and the imaginary part along the last "
            "axis, of length n, are x @ F.real and x @ F.imag, and its power is (x @ F.real)**2 + (x @ F.imag)**2."
        )
    check_real(dtype, name, "returns")


def real_array(x: Any, name: str, verb: str = "takes") -> NDArray[Any]:
    """Return ``x`` as a float64 or float32 array, or raise the sentence that says why it cannot be one."""
    check_kind(x)
    array = np.asarray(x)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    check_real(array.dtype, name, verb)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def not_scalar(driver: str, shape: Any) -> str:
    """Sentence for grad of a vector function."""
    return (
        f"{driver} needs a function that returns one number; this one returned an array of shape {tuple(shape)}. "
        "Perhaps you meant dualad.jacobian(f), or f should end with a sum?"
    )


def seeds_differ(found: Any) -> str:
    """Sentence for seeds of a transform that do not carry the same directions."""
    axes = " and ".join(map(str, sorted(found)))
    return f"the seeds have the leading axes {axes} before the shapes of their nodes; all must have the same."


def ragged_argument(name: str) -> str:
    """Sentence for an argument that makes no array."""
    return (
        f"{name} was given a list of parts of different shapes, which makes no array. Pass one array for each argument."
    )


def not_tuples() -> str:
    """Sentence for jvp(f, x, x_dot)."""
    return "jvp takes the arguments of f as a tuple, and their tangents as a tuple: jvp(f, (x,), (x_dot,))"


def wrong_chunk(chunk: Any) -> str:
    """Sentence for a chunk that is no count."""
    return f"chunk must be a positive whole number of columns to carry at once, not {chunk!r}"


def leaked() -> str:
    """Sentence for a result that carries a derivative which has ended."""
    return (
        "the function returned an array of another derivative that has ended: an inner differentiated function has "
        "kept its argument, or something made of it, in a variable outside. Return the results of inner derivatives "
        "instead."
    )


def ragged(found: str) -> str:
    """Sentence for a return value that makes no array."""
    return (
        f"the function returned {found}, which makes no array of numbers. Return a number, an array, or a list of "
        "numbers or of arrays of one shape."
    )


def wrong_tangent(place: int, wanted: Any, found: Any) -> str:
    """Sentence for jvp."""
    return (
        f"tangent {place} has shape {tuple(found)} and its primal has shape {tuple(wanted)}; a tangent must have the "
        "shape of its primal."
    )


def stale_build(names: Sequence[str]) -> str:
    """Sentence for compiled modules that were built from another operator table."""
    return (
        f"The compiled modules of dualad were built before the rows {', '.join(names)} of the operator table were "
        "changed. These rows are run by their formulas, which is right and slower; to compile them, build again: "
        "python setup.py build_ext --inplace, or pip install --editable . in the folder of the source."
    )


def wrong_cotangent(place: int, wanted: Any, found: Any) -> str:
    """Sentence for a pullback."""
    return (
        f"cotangent {place} has shape {tuple(found)} and the result it belongs to has shape {tuple(wanted)}; a "
        "cotangent must have the shape of its result."
    )


def takes_function(name: str, given: Any) -> str:
    """Sentence for ``grad(f(x))``."""
    return (
        f"{name} takes a function, not an object of type {type(given).__name__}, and returns one: write {name}(f)(x), "
        f"not {name}(f(x))."
    )


def wrong_argnums(name: str, argnums: Any) -> str:
    """Sentence for ``grad(f, x)``."""
    return (
        f"{name}: argnums must be the number of a positional argument of f, or a tuple of such numbers, not an object "
        f"of type {type(argnums).__name__}. To differentiate at x, write {name}(f)(x)."
    )


def no_argument(name: str, argnums: Any, number: int, given: int) -> str:
    """Sentence for argnums beyond the arguments of the call."""
    return (
        f"{name}: argnums={argnums!r} asks for positional argument {number}, and the function was called with {given} "
        "positional arguments. Pass the arguments to differentiate in by position."
    )


def keyword_only(name: str, keywords: Any) -> str:
    """Sentence for a function with a rule of its own that has keyword-only arguments."""
    return (
        f"{name} has a rule of its own and takes keyword-only arguments ({', '.join(keywords)}), which the rule "
        "cannot see. Make them positional, or bind them with functools.partial or a closure before the rule is "
        "defined."
    )


def impure(name: str, what: str, where: str | None) -> str:
    """Sentence for a compiled function whose constants change by themselves."""
    written = f", written by {where}" if where is not None else ""
    return (
        f"{name} was recorded twice on the same path, and the recordings differ: {what}{written}. It is not replayed "
        "any more but called as it is. Pass what changes between calls as an argument (a random generator's numbers, a "
        "counter, the time)."
    )


def changes_itself(name: str, labels: Sequence[str]) -> str:
    """Sentence for a compiled function with a memory."""
    return (
        f"{name} changes {', '.join(labels[:3])} whenever it is called, which a replay would not do. It is not "
        "replayed any more but called as it is. Return what it should leave behind instead of storing it."
    )


def not_as_replayed(name: str) -> str:
    """Sentence for a solve that was made with a compiled function that went wrong."""
    return (
        f"at the solution of {name}, a replay of a compiled function differs from the function itself: it depends on "
        "something that changes unseen. The problem is solved again without compiling; compile=False does so at once."
    )


def not_stacked(lengths: Any) -> str:
    """Sentence for the arguments of batch."""
    return (
        f"batch takes arrays with one row for each call, all with the same number of rows and at least one; the "
        f"leading lengths are {lengths}. A list is taken as a structure: make a list of rows one array, np.array(rows)."
    )


def wrong_out(parts: int, targets: int) -> str:
    """Sentence for the out= of a compiled function."""
    return (
        f"the result has {parts} parts and out= has {targets}; give arrays in the structure of the result, and None "
        "for a part that shall be made new."
    )


def no_function(driver: str, name: str, found: Any) -> str:
    """Sentence for what cannot be called where a function is asked for."""
    return f"{driver}: {name} must be a function, not {found!r:.60} of type {type(found).__name__}"


def no_pair(found: Any) -> str:
    """Sentence for jac=True and a function that returns one thing."""
    return (
        "with jac=True the function returns its value and its derivative, as a tuple (value, derivative); this one "
        f"returned an object of type {type(found).__name__}. Pass the derivative by itself: jac=function."
    )


def raised_at_point(driver: str) -> str:
    """Note on the exception of a user's function."""
    return f"{driver} called the function at the point itself; a derivative can be checked where f has a value only."


def no_numbers(name: str, found: Any) -> str:
    """Sentence for a derivative of a user that is no array of real numbers."""
    dtype = getattr(found, "dtype", None)
    words = f"{type(found).__name__} {found!r:.60}" if dtype is None or dtype.kind == "O" else f"an array of {dtype}"
    return f"{name} returned {words}, which is no array of real numbers"


def wrong_derivative_shape(name: str, found: Any, wanted: Any) -> str:
    """Sentence for a derivative of a user that does not fit the function."""
    found, wanted = tuple(found), tuple(wanted)
    hint = "; is it transposed?" if len(found) > 1 and found == wanted[::-1] else ""
    return f"{name} returned shape {found}, not {wanted}{hint}"


def wrong_directions(found: Any) -> str:
    """Sentence for a number of directions that is no count."""
    return f"directions must be a whole number of at least 1, not {found!r}"


def corrupt_program(what: str) -> str:
    """Sentence for a program that does not pass verification."""
    return (
        f"this is no program that can be run: {what}. It was damaged where it was stored or on its way, or another "
        "version of dualad wrote it; compile the function again."
    )


def not_as_recorded(number: int, nbytes: int) -> str:
    """Sentence for an array that is handed to a program and does not fit it."""
    return (
        f"array number {number} does not fit the program, which was recorded with {nbytes} bytes of numbers there, one "
        "behind the other and aligned. Pass arrays of the shape and type of the recording."
    )


def not_so_many(inputs: int, outputs: int) -> str:
    """Sentence for a program that is given another number of arrays than it has inputs or outputs."""
    return f"the program takes {inputs} arrays and gives {outputs} results; pass one array for each."


def wrong_step(step: Any, method: str, stepped: Sequence[str]) -> str:
    """Sentence for a step that is none, or that a method does not take."""
    return f"step must be a positive number, for the methods {', '.join(stepped)}; not {step!r} for {method!r}"


def not_by_element(wanted: Any, found: Any) -> str:
    """Sentence for a function that does not act on each element by itself."""
    return (
        f"derivative takes a function that acts on each element by itself; for points of shape {tuple(wanted)} this "
        f"one returned shape {tuple(found)}. Perhaps you meant numeric.jacobian(f, x)?"
    )
