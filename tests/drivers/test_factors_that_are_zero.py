"""A factor that is zero at a point may still vary there: nested derivatives where values or partials vanish."""

import numpy as np
import pytest

import dualad

derivative, grad = dualad.derivative, dualad.grad


def loop(a):
    return np.sin(a[0]) * a[1] + a[1] ** 2 * a[0]


def arrays(a):
    return np.sum(np.sin(a[:1]) * a[1:]) + np.sum(a[1:] ** 2 * a[:1])


# Hessian of sin(a0) a1 + a1^2 a0 at (1, 0)
EXACT = np.array([[0.0, np.cos(1.0)], [np.cos(1.0), 2.0]])


@pytest.mark.parametrize("f", [loop, arrays])
def test_every_way_to_a_hessian(f):
    a = np.array([1.0, 0.0])
    j = dualad.jacobian
    ways = {
        "hyperdual": dualad.hessian(f),
        "forward over reverse": dualad.hessian(f, mode="forward-over-reverse"),
        "jacobian of grad": j(grad(f)),
        "rows of grad": j(grad(f), mode="reverse"),
        "jacobian of jacobian": j(j(f)),
        "rows of columns": j(j(f), mode="reverse"),
        "rows of rows": j(j(f, mode="reverse"), mode="reverse"),
        "columns of rows": j(j(f, mode="reverse")),
        "products": lambda a: np.stack([dualad.hvp(f)(a, e) for e in np.eye(2)]),
    }
    for name, way in ways.items():
        np.testing.assert_allclose(way(a), EXACT, rtol=1e-15, atol=1e-16, err_msg=name)


def test_higher_derivatives_of_powers_at_zero():
    square, cube = lambda x: x * x, lambda x: x * x * x
    for one in (grad, derivative):
        for other in (grad, derivative):
            assert one(other(square))(0.0) == 2.0
            assert one(other(lambda x: x**2))(0.0) == 2.0
            assert one(other(one(cube)))(0.0) == 6.0


def test_derivatives_in_a_direction_that_is_zero():
    for one in (grad, derivative):
        assert one(lambda t: dualad.jvp(np.sin, (1.0,), (t,))[1])(0.0) == np.cos(1.0)
        assert one(lambda t: dualad.vjp(np.sin, 1.0)[1](t)[0])(0.0) == np.cos(1.0)


def test_a_reshape_of_an_array_in_fortran_order():
    """The cotangent lies in memory as the value does, so that what is added through a view of it is not lost."""
    weights = np.arange(1.0, 7.0)

    def f(z):
        return np.sum(np.reshape((np.outer(z, z**2)[:, :2].T / z[1]).T, (-1,)) * weights)

    z = np.array([0.3, 0.8, 1.4])
    exact = dualad.hessian(f)(z)
    for way in (dualad.jacobian(grad(f)), dualad.jacobian(grad(f), mode="reverse")):
        # the same terms in another order, of size 25: a few ulp
        np.testing.assert_allclose(way(z), exact, rtol=1e-14, atol=1e-14)
