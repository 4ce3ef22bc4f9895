"""trace_table: the tables of the textbook, and numbers that agree with the engines for every kind of step."""

import io

import numpy as np
import pytest

import dualad
from dualad.draw import trace_table
from dualad.drivers.recording import record


def textbook(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def table(f, *args, **options):
    return str(trace_table(f, *args, **options))


# --- Baydin, Pearlmutter, Radul and Siskind (2018), tables 2 and 3 ---------------------------------------------------


def test_table_2_forward():
    assert (
        table(textbook, 2.0, 5.0)
        == """\
Forward primal trace ↓                         │ Forward tangent trace ↓
───────────────────────────────────────────────┼────────────────────────────────────────────────
v₋₁ = x₁                            = 2        │ v̇₋₁ = ẋ₁                                  = 1
v₀  = x₂                            = 5        │ v̇₀  = ẋ₂                                  = 0
───────────────────────────────────────────────┼────────────────────────────────────────────────
v₁  = log(v₋₁) = log(2)             = 0.69315  │ v̇₁  = v̇₋₁ / v₋₁ = 1 / 2                   = 0.5
v₂  = v₋₁ * v₀ = 2 * 5              = 10       │ v̇₂  = v̇₋₁ * v₀ + v̇₀ * v₋₁ = 1 * 5 + 0 * 2 = 5
v₃  = v₁ + v₂ = 0.69315 + 10        = 10.693   │ v̇₃  = v̇₁ + v̇₂ = 0.5 + 5                   = 5.5
v₄  = sin(v₀) = sin(5)              = -0.95892 │ v̇₄  = v̇₀ * cos(v₀) = 0 * cos(5)           = 0
v₅  = v₃ - v₄ = 10.693 - (-0.95892) = 11.652   │ v̇₅  = v̇₃ - v̇₄ = 5.5 - 0                   = 5.5
───────────────────────────────────────────────┼────────────────────────────────────────────────
y   = v₅                            = 11.652   │ ẏ   = v̇₅                                  = 5.5"""
    )


def test_table_3_reverse():
    assert (
        table(textbook, 2.0, 5.0, mode="reverse")
        == """\
Forward primal trace ↓                         │ Reverse adjoint trace ↑
───────────────────────────────────────────────┼──────────────────────────────────────────────────
v₋₁ = x₁                            = 2        │ x̄₁  = v̄₋₁                              = 5.5
v₀  = x₂                            = 5        │ x̄₂  = v̄₀                               = 1.7163
───────────────────────────────────────────────┼──────────────────────────────────────────────────
v₁  = log(v₋₁) = log(2)             = 0.69315  │ v̄₋₁ = v̄₋₁ + v̄₁ / v₋₁ = 5 + 1 / 2       = 5.5
v₂  = v₋₁ * v₀ = 2 * 5              = 10       │ v̄₀  = v̄₀ + v̄₂ * v₋₁ = -0.28366 + 1 * 2 = 1.7163
                                               │ v̄₋₁ = v̄₂ * v₀ = 1 * 5                  = 5
v₃  = v₁ + v₂ = 0.69315 + 10        = 10.693   │ v̄₂  = v̄₃                               = 1
                                               │ v̄₁  = v̄₃                               = 1
v₄  = sin(v₀) = sin(5)              = -0.95892 │ v̄₀  = v̄₄ * cos(v₀) = -1 * cos(5)       = -0.28366
v₅  = v₃ - v₄ = 10.693 - (-0.95892) = 11.652   │ v̄₄  = -v̄₅ = -1                         = -1
                                               │ v̄₃  = v̄₅                               = 1
───────────────────────────────────────────────┼──────────────────────────────────────────────────
y   = v₅                            = 11.652   │ v̄₅  = ȳ                                = 1"""
    )


def test_the_numbers_of_the_textbook():
    forward = trace_table(textbook, 2.0, 5.0)
    reverse = trace_table(textbook, 2.0, 5.0, mode="reverse")
    assert round(float(forward.value), 3) == 11.652
    assert round(float(forward.derivative), 3) == 5.5
    assert [round(float(g), 3) for g in reverse.derivative] == [5.5, 1.716]
    assert reverse.value == textbook(2.0, 5.0)


def test_an_array_that_is_only_read_is_shown_by_its_elements():
    assert (
        table(lambda x: x[1] / x[0], np.array([2.0, 5.0]), mode="reverse")
        == """\
Forward primal trace ↓       │ Reverse adjoint trace ↑
─────────────────────────────┼─────────────────────────────────────────────────
v₋₁ = x[0]             = 2   │ x̄[0] = v̄₋₁                               = -1.25
v₀  = x[1]             = 5   │ x̄[1] = v̄₀                                = 0.5
─────────────────────────────┼─────────────────────────────────────────────────
v₁  = v₀ / v₋₁ = 5 / 2 = 2.5 │ v̄₋₁  = v̄₁ * (-v₁ / v₋₁) = 1 * (-2.5 / 2) = -1.25
                             │ v̄₀   = v̄₁ / v₋₁ = 1 / 2                  = 0.5
─────────────────────────────┼─────────────────────────────────────────────────
y   = v₁               = 2.5 │ v̄₁   = ȳ                                 = 1"""
    )


def test_a_seed_chooses_the_direction():
    across = trace_table(textbook, 2.0, 5.0, seed=(0.0, 1.0))
    assert across.derivative == pytest.approx(2.0 - np.cos(5.0), rel=1e-15)
    array = trace_table(lambda x: np.sum(x * x), np.array([1.0, 2.0]), seed=[0.5, 0.25])
    assert array.derivative == 2.0
    rows = trace_table(lambda x: x * x[0], np.array([2.0, 3.0]), mode="reverse", seed=[0.0, 1.0])
    assert rows.derivative.tolist() == [3.0, 2.0]


# --- words -----------------------------------------------------------------------------------------------------------


def test_formulas_are_written_as_one_would():
    assert (
        table(lambda x: np.tanh(-x) ** 3 / x, 3.0, digits=3)
        == """\
Forward primal trace ↓             │ Forward tangent trace ↓
───────────────────────────────────┼──────────────────────────────────────────────────────────────────────────────
v₀ = x                    = 3      │ v̇₀ = ẋ                                                             = 1
───────────────────────────────────┼──────────────────────────────────────────────────────────────────────────────
v₁ = -v₀ = -3             = -3     │ v̇₁ = -v̇₀ = -1                                                      = -1
v₂ = tanh(v₁) = tanh(-3)  = -0.995 │ v̇₂ = v̇₁ * (1 / cosh(v₁))**2 = -1 * (1 / cosh(-3))**2               = -0.00987
v₃ = v₂**3 = (-0.995)**3  = -0.985 │ v̇₃ = v̇₂ * (3 * v₂**2) = -0.00987 * (3 * (-0.995)**2)               = -0.0293
v₄ = v₃ / v₀ = -0.985 / 3 = -0.328 │ v̇₄ = v̇₃ / v₀ + v̇₀ * (-v₄ / v₀) = -0.0293 / 3 + 1 * (-(-0.328) / 3) = 0.0997
───────────────────────────────────┼──────────────────────────────────────────────────────────────────────────────
y  = v₄                   = -0.328 │ ẏ  = v̇₄                                                            = 0.0997"""
    )


def test_only_the_branch_taken_is_written():
    text = table(lambda x: np.hypot(x, 4.0) * np.maximum(x, 1.0) + np.sinc(x), 3.0)
    assert "where" not in text
    assert "v̇₁ = v̇₀ * (v₀ / v₁) = 1 * (3 / 5)" in text


def test_arrays():
    def f(x):
        y = np.zeros_like(x)
        y[0] = np.exp(x[1])
        y[1:] = x[:2] * 2.0
        return np.sum(y * x) + np.dot(x, x)

    assert (
        table(f, np.array([1.0, 2.0, 3.0]), mode="reverse")
        == """\
Forward primal trace ↓                         │ Reverse adjoint trace ↑
───────────────────────────────────────────────┼─────────────────────────────────────────────────
v₀  = x                      = [1, 2, 3]       │ x̄      = v̄₀               = [13.389, 19.389, 10]
───────────────────────────────────────────────┼─────────────────────────────────────────────────
v₁  = constant               = [0, 0, 0]       │
v₂  = v₀[1]                  = 2               │ v̄₀[1]  = v̄₀[1] + v̄₂       = [13.389, 19.389, 10]
v₃  = exp(v₂) = exp(2)       = 7.3891          │ v̄₂     = v̄₃ * v₃          = 7.3891
v₄  = v₁ with [0] = v₃       = [7.3891, 0, 0]  │ v̄₁     = v̄₄ with [0] = 0  = [0, 0, 0]
                                               │ v̄₃     = v̄₄[0]            = 1
v₅  = v₀[:2]                 = [1, 2]          │ v̄₀[:2] = v̄₀[:2] + v̄₅      = [13.389, 12, 10]
v₆  = v₅ * 2                 = [2, 4]          │ v̄₅     = v̄₆ * 2           = [4, 6]
v₇  = v₄ with [1:] = v₆      = [7.3891, 2, 4]  │ v̄₄     = v̄₇ with [1:] = 0 = [1, 0, 0]
                                               │ v̄₆     = v̄₇[1:]           = [2, 3]
v₈  = v₇ * v₀                = [7.3891, 4, 12] │ v̄₀     = v̄₀ + v̄₈ * v₇     = [9.3891, 6, 10]
                                               │ v̄₇     = v̄₈ * v₀          = [1, 2, 3]
v₉  = sum v₈                 = 23.389          │ v̄₈     = (∂v₉/∂v₈)ᵀ v̄₉    = [1, 1, 1]
v₁₀ = dot(v₀, v₀)            = 14              │ v̄₀     = (∂v₁₀/∂v₀)ᵀ v̄₁₀  = [2, 4, 6]
v₁₁ = v₉ + v₁₀ = 23.389 + 14 = 37.389          │ v̄₁₀    = v̄₁₁              = 1
                                               │ v̄₉     = v̄₁₁              = 1
───────────────────────────────────────────────┼─────────────────────────────────────────────────
y   = v₁₁                    = 37.389          │ v̄₁₁    = ȳ                = 1"""
    )


def test_conditions_are_traced_without_a_derivative():
    assert (
        table(lambda x: x * 2 if x > 0 else -x, 1.5)
        == """\
Forward primal trace ↓       │ Forward tangent trace ↓
─────────────────────────────┼────────────────────────
v₀ = x                = 1.5  │ v̇₀ = ẋ              = 1
─────────────────────────────┼────────────────────────
v₁ = v₀ > 0           = True │
v₂ = v₀ * 2 = 1.5 * 2 = 3    │ v̇₂ = v̇₀ * 2 = 1 * 2 = 2
─────────────────────────────┼────────────────────────
y  = v₂               = 3    │ ẏ  = v̇₂             = 2"""
    )


def test_several_results():
    assert (
        table(lambda x: (x * 2, x * x), 3.0)
        == """\
Forward primal trace ↓  │ Forward tangent trace ↓
────────────────────────┼─────────────────────────────────────
v₀ = x              = 3 │ v̇₀ = ẋ                           = 1
────────────────────────┼─────────────────────────────────────
v₁ = v₀ * 2 = 3 * 2 = 6 │ v̇₁ = v̇₀ * 2 = 1 * 2              = 2
v₂ = v₀**2 = 3 * 3  = 9 │ v̇₂ = 2 * (v̇₀ * v₀) = 2 * (1 * 3) = 6
────────────────────────┼─────────────────────────────────────
y₁ = v₁             = 6 │ ẏ₁ = v̇₁                          = 2
y₂ = v₂             = 9 │ ẏ₂ = v̇₂                          = 6"""
    )
    both = trace_table(lambda x: (x * 2, x * x), 3.0, mode="reverse", seed=(1.0, 10.0))
    assert both.derivative == 62.0


# --- numbers ---------------------------------------------------------------------------------------------------------


def loop(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = np.sin(y[i - 1]) * 0.5 + x[i]
    y[2:5] *= 2
    y += x
    if y[0] > 0:
        y[1] = 3.0
    return np.sum(y**2) + np.max(y)


def shapes(x):
    a = np.reshape(x, (2, 3))
    z = x.copy()
    w = z[1:4]
    w[0] = a[1, 2] * 3
    z[4] += w[0]
    z[2:3] = 4.0
    _, r = np.linalg.qr(a.T)
    total = np.sum(np.exp(a.T @ a), axis=0)[1] + z.prod() + np.mean(np.where(x > 0.7, np.sqrt(x), x * x)) * np.std(x)
    total += x[np.array([0, 0, 2])].sum() + np.linalg.norm(x[::2]) + np.dot(w, w) + np.einsum("i,i", x, x)
    return total + r[0, 1] + np.sum(np.concatenate([x, x[:2], np.ones(2)])[3:] * 2) + x[x.argmax()]


def several(x):
    whole, part = np.divmod(x, 0.3)
    fraction, _ = np.modf(x * 3)
    return np.sum(part * x + fraction) + np.sum(whole)


@pytest.mark.parametrize("f", [loop, shapes, several], ids=lambda f: f.__name__)
def test_both_traces_end_where_the_engines_do(f):
    x = np.linspace(0.55, 1.5, 6)
    reverse = trace_table(f, x, mode="reverse")
    gradient = dualad.grad(f)(x)
    assert reverse.value == f(x)
    np.testing.assert_allclose(reverse.derivative, gradient, rtol=1e-12, atol=1e-13)
    for seed in np.eye(6):
        forward = trace_table(f, x, seed=seed)
        np.testing.assert_allclose(forward.derivative, gradient @ seed, rtol=1e-12, atol=1e-13)


def test_tracing_leaves_the_function_as_it_is():
    x = np.array([2.0, 5.0])
    before = x.copy()
    trace_table(lambda z: np.sum(z * z), x, mode="reverse")
    assert np.array_equal(x, before)
    assert len(record(textbook, 2.0, 5.0)) == 7


# --- other forms -----------------------------------------------------------------------------------------------------


def test_markdown():
    text = trace_table(textbook, 2.0, 5.0, mode="reverse").markdown()
    lines = text.splitlines()
    assert lines[1] == "|:--|:--|:--|:--|"
    assert all(line.count("|") == 5 for line in lines)
    assert r"$v_{1} = \log\left(v_{-1}\right) = \log\left(2\right)$" in text
    assert r"$\bar{v}_{-1} = \bar{v}_{-1} + \frac{\bar{v}_{1}}{v_{-1}} = 5 + \frac{1}{2}$" in text


def test_markdown_with_bars_in_a_formula():
    text = trace_table(lambda x: np.abs(x) * 2, -3.0).markdown()
    assert all(line.count("|") == 5 for line in text.splitlines())


def test_latex():
    text = trace_table(lambda x: np.sum(np.tanh(x)), np.array([1.0, 2.0]), mode="reverse").latex()
    assert text.startswith(r"\begin{tabular}{ll|ll}") and text.endswith(r"\end{tabular}")
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0
    assert r"$v_{2} = \mathtt{sum\ }v_{1}$" in text
    assert r"\left(\frac{\partial v_{2}}{\partial v_{1}}\right)^{\mathsf{T}} \bar{v}_{2}" in text


def test_notebook():
    text = trace_table(lambda x: x * 2 if x < 9 else x, 1.0)._repr_html_()
    assert text.startswith("<table>") and text.endswith("</table>")
    assert text.count("<tr>") == text.count("</tr>") == 5
    assert "v₀ &lt; 9" in text.replace("= v₀", "v₀")


def test_rich():
    console = pytest.importorskip("rich.console")
    shown = io.StringIO()
    console.Console(width=120, file=shown).print(trace_table(textbook, 2.0, 5.0))
    assert "11.652" in shown.getvalue()


def test_digits():
    assert "11.652071455223" in table(textbook, 2.0, 5.0, digits=14)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_long_trace_is_refused():
    with pytest.raises(ValueError, match=r"takes 501 steps, and a table of more than 300 cannot be read.*record"):
        trace_table(lambda x: [x := x + 1 for _ in range(500)][-1], 1.0)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode must be 'forward' or 'reverse', not 'backward'"):
        trace_table(np.sin, 1.0, mode="backward")


def test_a_vector_result_needs_a_seed():
    with pytest.raises(ValueError, match=r"array of shape \(2,\): say which adjoint to sweep back"):
        trace_table(lambda x: x * 2, np.array([1.0, 2.0]), mode="reverse")


@pytest.mark.parametrize("seed", [1.0, (1.0,), (1.0, 2.0, 3.0), ([1.0, 2.0], 1.0)])
def test_a_seed_that_does_not_fit_is_refused(seed):
    with pytest.raises(ValueError, match="the seed must have the shapes of the arguments"):
        trace_table(textbook, 2.0, 5.0, seed=seed)


def test_a_result_that_does_not_depend_on_the_argument():
    constant = trace_table(lambda x: 3.0, 2.0, mode="reverse")
    assert constant.derivative == 0.0
    assert "y" not in str(constant).splitlines()[-1]


def test_a_list_of_numbers_is_one_array():
    f = lambda x: x[0] * x[1]
    for made in (dualad.trace_table, dualad.draw):
        assert str(made(f, [0.5, 1.5])) == str(made(f, np.array([0.5, 1.5])))
