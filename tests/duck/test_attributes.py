"""The attributes and methods of ndarray: each works as NumPy's does, or is refused by a sentence."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from dualad import Dual, HyperDual
from dualad.errors import DerivativeLost, NotOffered

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import random_dual, same

METHODS = {
    "all": [()],
    "any": [()],
    "argmax": [(), (0,)],
    "argmin": [(), (1,)],
    "argpartition": [(1,)],
    "argsort": [(), (0,)],
    "astype": [(np.float32,), (float,), (int,), (bool,), ("f8", "F")],
    "clip": [(0.7, 1.5), (None, 1.2)],
    "compress": [([True, False, True], 0), ([True, False, True],)],
    "conj": [()],
    "conjugate": [()],
    "copy": [(), ("F",)],
    "cumprod": [(), (0,)],
    "cumsum": [(), (1,)],
    "diagonal": [(), (1,)],
    "dot": [(np.ones(4),), (2.0,)],
    "flatten": [(), ("F",)],
    "max": [(), (0,), (1, None, True)],
    "mean": [(), (0,), (1, None, None, True)],
    "min": [(), ((0, 1),)],
    "nonzero": [()],
    "prod": [(), (0,)],
    "ravel": [(), ("F",)],
    "repeat": [(2,), (2, 1), ([1, 0, 2], 0)],
    "reshape": [(4, 3), ((2, 6),), (-1,), ((2, -1),)],
    "round": [(), (1,)],
    "searchsorted": [],
    "squeeze": [()],
    "std": [(), (0,), (1, None, None, 1)],
    "sum": [(), (0,), (1, None, None, True)],
    "swapaxes": [(0, 1)],
    "take": [([0, 5],), ([1, 2], 1)],
    "to_device": [("cpu",)],
    "trace": [(), (1,)],
    "transpose": [(), (1, 0), ((1, 0),), (None,)],
    "var": [(), (0,)],
    "view": [(), (np.float64,)],
}
IN_PLACE = {
    "fill": [(2.5,)],
    "partition": [(2,), (1, 0)],
    "put": [([0, 5], [7.0, 8.0])],
    "sort": [(), (0,)],
}
ATTRIBUTES = ["T", "mT", "device", "dtype", "imag", "itemsize", "nbytes", "ndim", "real", "shape", "size", "strides"]
REFUSED = ["base", "byteswap", "ctypes", "data", "getfield", "resize", "setfield", "tobytes", "tofile"]
EXPIRED = ["itemset", "newbyteorder", "ptp", "tostring"]  # in the first releases of NumPy 2, where they say so
TESTED_BELOW = ["choose", "dump", "dumps", "flags", "flat", "item", "setflags", "tolist"]


def array():
    return random_dual(np.random.default_rng(0), (3, 4))


def test_every_name_of_ndarray_is_decided():
    public = {name for name in dir(np.ndarray) if not name.startswith("_")}
    known = {*METHODS, *IN_PLACE, *ATTRIBUTES, *REFUSED, *TESTED_BELOW, *EXPIRED}
    assert public <= known
    assert set(METHODS) <= set(dir(array()))


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    x = array()
    for args in METHODS[name]:
        same(getattr(x, name)(*args), getattr(x.value, name)(*args))
    scalar = x[1, 2]
    if name in (
        "sum",
        "mean",
        "max",
        "min",
        "std",
        "var",
        "any",
        "all",
        "copy",
        "reshape",
        "ravel",
        "flatten",
        "squeeze",
    ):
        args = (1,) if name == "reshape" else ()
        same(getattr(scalar, name)(*args), getattr(scalar.value, name)(*args))
    if name == "searchsorted":
        same(np.sort(x[0]).searchsorted([1.0, 1.5]), np.sort(x.value[0]).searchsorted([1.0, 1.5]))


@pytest.mark.parametrize("name", IN_PLACE)
def test_methods_in_place(name):
    for args in IN_PLACE[name]:
        x = array()
        plain = x.value.copy()
        assert getattr(x, name)(*args) is None
        getattr(plain, name)(*args)
        same(x, plain)


def test_sorting_moves_the_tangents_along():
    x = array()
    order = np.argsort(x.value, axis=1)
    y = np.copy(x)
    y.sort()
    same(y.tangents, np.take_along_axis(x.tangents, order[None], axis=2))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(name):
    for x in (array(), array().T, array()[::2], random_dual(np.random.default_rng(0), (3, 4), dtype=np.float32)):
        same(getattr(x, name), getattr(x.value, name))
        if name != "mT" and hasattr(x.value[1, 1], name):
            same(getattr(x[1, 1], name), getattr(x.value[1, 1], name))


@pytest.mark.parametrize("name", REFUSED)
def test_what_looks_at_the_memory_is_refused(name):
    for x in (array(), array()[0, 0]):
        assert not hasattr(x, name)
        with pytest.raises(NotOffered, match=f"^{name} of an array that carries derivatives .* lose the derivatives"):
            getattr(x, name)
    with pytest.raises(NotOffered, match=r"^view\(dtype\)"):
        array().view(np.int64)


def test_unknown_attributes():
    with pytest.raises(AttributeError, match="'Dual' object has no attribute 'nonsense'"):
        _ = array().nonsense
    with pytest.raises(AttributeError):
        _ = array()[0, 0].__array_interface__


def test_elementwise_functions_as_methods():
    """NumPy's loops over objects call the functions so."""
    x = array()
    same(x.exp(), np.exp(x.value))
    same(x[0, 0].sqrt(), np.sqrt(x.value[0, 0]))
    same(x[0, 0].arctan2(2.0), np.arctan2(x.value[0, 0], 2.0))


def test_flags_and_setflags():
    x = array()
    assert x.flags.c_contiguous and x.T.flags.f_contiguous and x.flags.writeable
    x.setflags(write=False)
    assert not x.flags.writeable and not x.tangents.flags.writeable


def test_item_and_tolist():
    x = array()
    for args in ((5,), (1, 2), ((1, 2),), (-1,)):
        assert x.item(*args).value == x.value.item(*args)
        assert isinstance(x.item(*args), Dual)
    assert x[0, 0].item().value == x.value[0, 0]
    assert x[:1, :1].item().value == x.value[0, 0]
    with pytest.raises(ValueError, match="size 1"):
        x.item()
    assert [[n.value for n in row] for row in x.tolist()] == x.value.tolist()
    assert x[0, 0].tolist().value == x.value[0, 0]
    with pytest.raises(DerivativeLost):
        float(x.item(0))


def test_choose_takes_the_choices():
    x = array()
    same(np.array([0, 1, 0, 1]).choose([x.value[0], x.value[1]]), np.choose([0, 1, 0, 1], [x[0], x[1]]).value)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # of NumPy 2.5
def test_setting_the_shape():
    x = array()
    view = x[...]
    x.shape = (2, 6)
    assert x.shape == (2, 6) and x.tangents.shape == (2, 2, 6) and view.shape == (3, 4)
    x[0, 0] = 5.0
    assert view.value[0, 0] == 5.0
    with pytest.raises(ValueError):
        x.shape = (5, 5)


@pytest.mark.parametrize(
    "x",
    [
        random_dual(np.random.default_rng(0), (3, 4)),
        random_dual(np.random.default_rng(0)),
        random_dual(np.random.default_rng(0), k=9),
        random_dual(np.random.default_rng(0), 3, dtype=np.float32)[0],
        HyperDual(2.0, [1.0, 2.0], [3.0], [[4.0], [5.0]]),
        HyperDual(np.arange(3.0), np.ones((2, 3)), np.ones((1, 3)), np.zeros((2, 1, 3))),
        Dual(np.zeros((0, 2)), np.zeros((1, 0, 2))),
    ],
)
def test_pickling_and_copying(x, tmp_path):
    x.dump(tmp_path / "x")
    with (tmp_path / "y").open("wb") as file:
        x.dump(file)
    copies = [pickle.loads(pickle.dumps(x, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    copies += [pickle.loads(x.dumps()), *(pickle.loads((tmp_path / name).read_bytes()) for name in "xy")]
    copies += [copy.copy(x), copy.deepcopy(x), x.copy(), copy.deepcopy([x])[0]]
    for other in copies:
        assert type(other) is type(x)
        same((other.value, other._parts()), (x.value, x._parts()))
        assert (other.level, other.k1, other.k2) == (x.level, x.k1, x.k2)
        if x.size and x.shape:
            other[...] = 7.0
            assert not np.any(x.value == 7.0) and np.any(x._parts())


def test_text():
    assert repr(Dual(3.0, [1.0])) == "Dual(3.0, tangents=[1.])"
    assert str(Dual([1.0, 2.0], [[1.0, 0.0]])) == "Dual([1., 2.], tangents=[[1., 0.]])"
    assert repr(HyperDual(3.0, [1.0], [1.0], [[0.5]])) == "HyperDual(3.0, e1=[1.], e2=[1.], e12=[[0.5]])"
    x = Dual(3.14159, [1.0])
    assert f"{x:.2f}" == "3.14" and f"{x}" == repr(x) and f"{x:8.1e}" == " 3.1e+00"
    with pytest.raises(TypeError):
        f"{Dual([1.0], [[1.0]]):.2f}"
    with pytest.raises(DerivativeLost):
        "%.2f" % x  # noqa: UP031


def test_truth_and_whole_numbers():
    x = array()
    assert bool(x[0, 0]) and not bool(x[0, 0] * 0)
    with pytest.raises(ValueError, match="truth value of an array"):
        bool(x)
    assert int(Dual(3.7, [1.0])) == 3
    assert round(Dual(2.5, [1.0])) == 2 and isinstance(round(Dual(2.5, [1.0])), int)
    import math

    assert (math.floor(Dual(-1.5, [1.0])), math.ceil(Dual(-1.5, [1.0])), math.trunc(Dual(-1.5, [1.0]))) == (-2, -1, -1)
    assert max(x[0, 0], x[0, 1]) is not None and sorted([x[0, 0], x[0, 1]])
    with pytest.raises(TypeError):
        range(x[0, 0])
    with pytest.raises(TypeError, match="unhashable"):
        hash(x[0, 0])
