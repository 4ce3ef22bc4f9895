"""What a newcomer does wrong is answered by a sentence that names the cause and the remedy: each in full."""

import functools
import math
import re

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats

import dualad
from dualad import errors

X = np.array([1.0, 2.0, 3.0])
FOURIER = np.fft.rfft(np.eye(3))
POWER = 2 * (FOURIER @ np.fft.rfft(X).conj()).real  # the gradient of the sum of its squares


def told(error, f, x=X):
    """Differentiate and return what is said."""
    with pytest.raises(error) as caught:
        dualad.jacobian(f)(x)
    assert isinstance(caught.value, errors.DifferentiationError)
    return str(caught.value)


def lost_by(kind):
    return (
        f"{kind}() of an array that carries derivatives would keep the value and lose the derivative. It is called by "
        f"{kind}(x), by the functions of math, by assigning into a plain array, by np.array([a, b], dtype=float), and "
        "by np.mean and np.std of a list or of A.dot(x), A a plain array. Instead of math.sin(x) write np.sin(x); "
        "instead of A.dot(x) write A @ x; instead of y = np.zeros(n) write "
        "y = np.zeros(n, like=x) or np.zeros_like(x); instead of np.array([a, b], dtype=float) write "
        "np.array([a, b], like=x); instead of np.mean([a, b]) write np.mean(np.array([a, b], like=x)); and leave "
        f"{kind}(x) out: x is a number already."
    )


def test_float_and_the_functions_of_math():
    for f in (lambda x: float(x[0]), lambda x: math.sin(x[0]), lambda x: math.sqrt(x[1]), lambda x: np.float64(x[0])):
        assert told(errors.DerivativeLost, f) == lost_by("float")
    for f in (lambda x: complex(x[0]), lambda x: x[0].__complex__()):
        assert told(errors.DerivativeLost, f) == lost_by("complex")
    assert told(errors.DerivativeLost, lambda x: float(x[:1])) == lost_by("float")


def test_the_remedies_work():
    for f, wanted in (
        (lambda x: np.sin(x[0]), [np.cos(1.0), 0, 0]),
        (lambda x: fill(np.zeros(3, like=x), x), np.eye(3)),
        (lambda x: fill(np.zeros_like(x), x), np.eye(3)),
        (lambda x: np.mean(np.array([x[0], x[1]], like=x)), [0.5, 0.5, 0]),
        (lambda x: np.mean(np.eye(3) @ x), np.full(3, 1 / 3)),
        (lambda x: np.logaddexp.reduce(np.eye(2, 3) * x, axis=-1)[:1], np.r_[np.e / (np.e + 2), 0, 0]),
        (lambda x: cached.__wrapped__(x[0]), [2.0, 0, 0]),
        (lambda x: np.sum((x @ FOURIER.real) ** 2 + (x @ FOURIER.imag) ** 2), POWER),
    ):
        assert np.allclose(dualad.jacobian(f)(X), wanted)


@functools.lru_cache
def cached(x):
    return x * x


def test_keys_of_caches():
    for f in (lambda x: cached(x[0]), lambda x: {x[0]: 1.0}[x[0]] * x[0], lambda x: len({*x}) * x[0]):
        assert "f.__wrapped__(x)" in told(errors.DerivativeLost, f)


def test_transforms_with_complex_results():
    for f in (lambda x: abs(np.fft.rfft(x)), lambda x: np.fft.fft(x).real, lambda x: np.fft.ifft2(np.outer(x, x)).imag):
        for mode in ("forward", "reverse"):
            with pytest.raises(errors.UnsupportedType, match=r"fft2? returns complex .* x @ F.real and x @ F.imag"):
                dualad.jacobian(f, mode=mode)(X)


def fill(y, x):
    for i in range(len(x)):
        y[i] = x[i]
    return y


def test_arrays_of_objects_in_routines_that_refuse_them():
    scipy_linalg = pytest.importorskip("scipy.linalg")
    sparse = pytest.importorskip("scipy.sparse")
    for f in (
        lambda x: np.linalg.inv(np.array([[x[0], 1.0], [x[1], x[2]]])),
        lambda x: np.exp(np.array([x[0], 1.0])),
        lambda x: scipy.special.erf(np.array([x[0], x[1]])),
        lambda x: scipy.special.logsumexp(x),
        lambda x: scipy.stats.zscore(x),
        lambda x: scipy_linalg.solve(np.diag(x), x),
        lambda x: sparse.csr_matrix(np.eye(3)) @ x,
    ):
        for differentiate in (
            dualad.grad(f), dualad.hessian(f), dualad.jacobian(f, mode="forward"), dualad.jacobian(f, mode="reverse"),
            lambda x, f=f: dualad.jvp(f, (x,), (x,)),
        ):  # fmt: skip
            with pytest.raises(errors.DerivativeLost, match=r"refused an array of objects .*like=x") as caught:
                differentiate(X)
            assert not isinstance(caught.value.__cause__, errors.DifferentiationError)


def test_drivers_that_are_called_like_their_results():
    f = np.sum
    for driver in (dualad.grad, dualad.value_and_grad, dualad.jacobian, dualad.hessian, dualad.hvp, dualad.derivative):
        name = driver.__name__
        said = (
            f"{name} takes a function, not an object of type float64, and returns one: write {name}(f)(x), not "
            f"{name}(f(x))."
        )
        for wrong in (lambda: driver(f(X)), lambda: driver(f=f(X))):  # noqa: B023 - called at once
            with pytest.raises(TypeError, match=f"^{re.escape(said)}$"):
                wrong()
        with pytest.raises(TypeError):
            driver()
    for driver in (dualad.grad, dualad.value_and_grad, dualad.jacobian, dualad.hessian):
        name = driver.__name__
        for argnums in (X, "x", None, 1.0, (0.5,), {0}):
            with pytest.raises(TypeError, match=rf"^{name}: argnums must be .* write {name}\(f\)\(x\)\.$"):
                driver(f, argnums)
            with pytest.raises(TypeError, match=rf"^{name}: argnums must be "):
                driver(f, argnums=argnums)
        driver(lambda a, b: np.sum(a * b), np.int64(1))(X, X)
    assert len(dualad.grad(lambda a, b: np.sum(a * b), range(2))(X, X)) == 2


def test_errors_of_the_functions_own_stay_what_they_are():
    def f(x):
        try:
            return float(x[0])
        except TypeError as error:
            raise ValueError("mine") from error

    for mode in ("forward", "reverse"):
        with pytest.raises(ValueError, match=r"^mine$"):
            dualad.jacobian(f, mode=mode)(X)


def test_assigning_into_a_plain_array():
    """The sentence itself, not NumPy's "setting an array element with a sequence"."""

    def assign(index, pick, shape=3):
        def f(x):
            y = np.zeros(shape)
            y[index] = pick(x)
            return y

        return f

    for f in (
        assign(0, lambda x: x[0]), assign(0, lambda x: np.sum(x)), assign(slice(None), lambda x: x), assign(...,
        lambda x: x),
        assign(slice(0, 2), lambda x: x[:2]), assign([0, 1], lambda x: x[:2]), assign(np.arange(3) > 1, lambda x: x[2]),
        assign((0, 1), lambda x: x[0], (2, 2)), assign(0, lambda x: x, (2, 3)), assign(0, lambda x: x @ x),
        assign(0, lambda x: -x[0]),
        assign(slice(None), lambda x: [x[0], x[1], 1.0]), assign(0, lambda x: x.mean()),
    ):  # fmt: skip
        assert told(errors.DerivativeLost, f) == lost_by("float")
    for dtype in (np.float32, float):
        assert told(errors.DerivativeLost, assign(0, lambda x: x[0]), X.astype(dtype)) == lost_by("float")
        with pytest.raises(errors.DerivativeLost, match=r"instead of y = np\.zeros"):
            dualad.jacobian(assign(0, lambda x: x[0]), mode="reverse")(X.astype(dtype))
    with pytest.raises(errors.DerivativeLost):
        dualad.derivative(assign(0, lambda x: x))(1.0)
    with pytest.raises(errors.DerivativeLost):
        dualad.hessian(lambda x: np.asarray(x, dtype=float).sum())(X)


def test_an_array_without_axes_in_a_plain_array():
    """Here NumPy puts its own words first, which are put aside."""

    def f(x):
        y = np.zeros(3)
        y[0] = x[:1].reshape(())
        return y

    assert told(errors.DerivativeLost, f) == lost_by("float")
    with pytest.raises(errors.DerivativeLost, match=r"instead of y = np\.zeros"):
        dualad.jacobian(f, mode="reverse")(X)


def lost_out(name):
    return (
        f"{name} was asked to write its result into a plain array (by out= or by an operator such as +=), which cannot "
        "hold the derivative. Leave out= away and write y = y + x, or make the array with np.zeros_like(x) or "
        "np.zeros(n, like=x)."
    )


def test_out_into_a_plain_array():
    def augmented(x):
        y = np.zeros(3)
        y += x
        return y

    assert told(errors.DerivativeLost, augmented) == lost_out("add")
    assert told(errors.DerivativeLost, lambda x: np.exp(x, out=np.zeros(3))) == lost_out("exp")
    assert told(errors.DerivativeLost, lambda x: np.cumsum(x, out=np.zeros(3))) == lost_out("cumsum")


def test_results_of_whole_numbers():
    assert told(errors.DerivativeLost, lambda x: np.sum(x, dtype=int)) == (
        "sum was asked for a result of dtype int64, which carries no derivative. Leave dtype= away, or write np.floor, "
        "np.rint or np.trunc where rounding is meant."
    )


def test_complex_text_and_objects():
    ends = {
        "complex128": "use the real and the imaginary part as two real arrays.",
        "<U4": "convert the text to numbers first: np.array(x, dtype=float).",
        "|S1": "convert the text to numbers first: np.array(x, dtype=float).",
        "object": "make it a float array: np.array(x, dtype=float).",
        "float16": "convert it to double precision first: x.astype(np.float64).",
        "datetime64[s]": "convert it to double precision first: x.astype(np.float64).",
    }
    inputs = [1j, "text", b"t", {"a": 1}, np.array([1.0], np.float16), np.array(["2020-01-01"], "M8[s]")]
    for x, (dtype, end) in zip(inputs, ends.items(), strict=True):
        for driver in (dualad.jacobian, dualad.hessian, dualad.grad):
            if driver is dualad.grad and isinstance(x, dict):
                continue  # a container of arguments
            with pytest.raises(errors.UnsupportedType) as caught:
                driver(np.sum)(x)
            name = "jacobian" if driver is dualad.jacobian else "hessian" if driver is dualad.hessian else "grad"
            assert str(caught.value) == (
                f"{name} takes real numbers of float64 or float32 (integers become float64), not {dtype}: {end}"
            )
    assert told(errors.UnsupportedType, lambda x: x * 1j) == (
        "multiply takes real numbers of float64 or float32 (integers become float64), not complex128: use the real "
        "and the imaginary part as two real arrays."
    )
    assert told(errors.UnsupportedType, lambda x: np.ones(3) * 1j) == (
        "the differentiated function returns real numbers of float64 or float32 (integers become float64), not "
        "complex128: use the real and the imaginary part as two real arrays."
    )


def test_functions_without_a_row():
    assert told(errors.UnknownFunction, lambda x: np.save("nowhere", x)) == (
        "numpy.save has no rule in the operator table, so its derivative is not known. Write it with functions that "
        "have one (NumPy's elementwise functions, reductions, indexing, products and linear algebra do), or add a row "
        "with dualad.ops.table.op (see CONTRIBUTING)."
    )
    strange = np.frompyfunc(np.square, 1, 1)
    assert told(errors.UnknownFunction, lambda x: strange(x)) == (
        f"numpy.{strange.__name__} was made by np.frompyfunc, which does not say of what function, so its derivative "
        "is not known. Use np.vectorize(f), or write f with NumPy's functions and call it with the array."
    )
    assert np.allclose(dualad.jacobian(lambda x: np.vectorize(np.square)(x))(X), np.diag(2 * X))


ROOT_NOTE = (
    "dualad: brentq, bisect, ridder and toms748 are compiled and take plain numbers only. If the function or the "
    "bracket depends on a number that carries derivatives, that is the cause. Find the root r with plain numbers, "
    "x.value instead of x, and return r - g(r, x) / dg(r, x), a step of Newton's method, whose derivative is that of "
    "the root; or use scipy.optimize.newton."
)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_root_finders_in_compiled_code(mode):
    def cube_root(x):
        return scipy.optimize.brentq(lambda t: t**3 - 5.0, 0.0, 5.0 * x[0])

    with pytest.raises(RuntimeError, match="Unable to parse arguments") as caught:
        dualad.jacobian(cube_root, mode=mode)(X)
    assert caught.value.__notes__ == [ROOT_NOTE]

    # SciPy may call the function again after float() has refused its result, and say that signs are alike.
    with pytest.raises((errors.DerivativeLost, ValueError)) as caught:
        dualad.jacobian(lambda x: scipy.optimize.brentq(lambda t: t**3 - x[0], 0.0, 5.0), mode=mode)(X)
    assert isinstance(caught.value, errors.DerivativeLost) or caught.value.__notes__ == [ROOT_NOTE]

    def remedy(x):
        r = scipy.optimize.brentq(lambda t: t**3 - x.value[1], 0.0, 5.0)
        return r - (r**3 - x[1]) / (3 * r**2)

    found = dualad.jacobian(remedy, mode=mode)(X)
    # The root is found to 2e-12, and the derivative, a third of its inverse square, is as exact.
    assert np.allclose(found, [0.0, 2.0 ** (-2 / 3) / 3, 0.0], rtol=1e-10)


def test_signs_that_are_alike():
    with pytest.raises(ValueError, match="must have different signs") as caught:
        dualad.jacobian(lambda x: x * scipy.optimize.brentq(lambda t: t + 1.0, 0.0, 5.0))(X)
    assert caught.value.__notes__ == [ROOT_NOTE]


def test_functions_that_are_known_to_have_no_derivative():
    assert told(errors.NotWritten, lambda x: np.unique(x)) == (
        "numpy.unique has no derivative here: the number of its results changes with the values, so that it has no "
        "derivative at ties. Instead, use np.sort, or take the indices from np.unique(values, return_index=True) on "
        "plain values."
    )


def test_discrete_arguments():
    def sentence(name, argument):
        return (
            f"{name} has no derivative in its argument {argument!r}: it only takes separate values (a count, an "
            f"index, a condition). Pass {argument!r} as a plain number or array, and differentiate in the other "
            "arguments."
        )

    assert told(errors.DiscreteArgument, lambda x: scipy.special.expn(x, 1.0)) == sentence("expn", "n")
    assert told(errors.DiscreteArgument, lambda x: np.ldexp(1.0, x)) == sentence("ldexp", "i")
    assert told(errors.DiscreteArgument, lambda x: x[x[0]]) == sentence("x[i]", "i")
    assert told(errors.DiscreteArgument, lambda x: np.sum(x, where=x)) == sentence("numpy.sum", "where")
    assert told(errors.DiscreteArgument, lambda x: np.take(x, x)) == sentence("numpy.take", "number 2")


def test_derivatives_that_are_not_written():
    text = told(errors.NotWritten, lambda x: scipy.special.jv(x, 1.0))
    assert text.startswith("the derivative of jv in its argument 'n' is not written yet: ")
    assert text.endswith("Hold 'n' constant (pass the plain number), or supply this derivative by a row of your own.")


def test_gradients_of_several_numbers():
    with pytest.raises(errors.NotScalar) as caught:
        dualad.grad(lambda x: x * 2)(X)
    assert str(caught.value) == (
        "grad needs a function that returns one number; this one returned an array of shape (3,). Perhaps you meant "
        "dualad.jacobian(f), or f should end with a sum?"
    )


def test_tangents_of_the_wrong_shape():
    with pytest.raises(errors.WrongShape) as caught:
        dualad.jvp(np.sin, (X,), (X[:2],))
    assert str(caught.value) == (
        "tangent 0 has shape (2,) and its primal has shape (3,); a tangent must have the shape of its primal."
    )
    with pytest.raises(errors.WrongShape) as caught:
        dualad.Dual(X, X)
    assert str(caught.value) == (
        "tangents must have shape (k,) + S with S = (3,), the shape of the value; it has shape (3,)."
    )


def test_ragged_returns():
    assert told(errors.RaggedReturn, lambda x: [x, x[:2]]) == (
        "the function returned a list of parts of different shapes, which makes no array of numbers. Return a "
        "number, an array, or a list of numbers or of arrays of one shape."
    )


def test_derivatives_that_do_not_fit():
    def f(x):
        y = np.zeros_like(x)

        def g(z):
            y[0] = z * x[0]
            return z

        return dualad.derivative(g)(1.0)

    assert told(errors.DerivativeLost, f) == (
        "x[...] = value: the array was made before the value's derivative began, so it cannot hold that derivative. "
        "Make the array inside the differentiated function, from its argument: np.zeros_like(x) or np.zeros(n, "
        "like=x)."
    )
    kept = []
    assert told(
        errors.DerivativeLost, lambda x: [dualad.derivative(lambda y: kept.append(y) or y)(1.0), kept[-1]][1] * x
    ) == (
        "the function returned an array of another derivative that has ended: an inner differentiated function has "
        "kept its argument, or something made of it, in a variable outside. Return the results of inner derivatives "
        "instead."
    )


def test_every_exception_is_one_of_ours_and_one_of_pythons():
    for name in errors.__all__:
        kind = getattr(errors, name)
        if issubclass(kind, Warning):
            continue
        assert issubclass(kind, errors.DifferentiationError)
        assert kind.__doc__
    assert issubclass(errors.DerivativeLost, TypeError) and issubclass(errors.WrongShape, ValueError)
    assert issubclass(errors.NotOffered, AttributeError) and issubclass(errors.NotWritten, NotImplementedError)
