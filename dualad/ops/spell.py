"""Formulas spelled in four languages: Python, C, SymPy and LaTeX, and the machine's code as a listing.

A printer gives the text of an expression and how tightly its outermost sign binds; parentheses follow from that alone.
Parts that occur more than once can first be named (:func:`share`), so that a text is no longer than the work that it
describes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from dualad.ops.code import Code, Opcode
from dualad.ops.formula import COMPARISONS, ONE, Call, Const, Expr, Symbol, symbols_of
from dualad.ops.table import TABLE, Elementwise

__all__ = ["EXACT_IN_C", "as_c", "as_latex", "as_listing", "as_python", "as_sympy", "c_statements", "share", "value_of"]

# How tightly a sign binds.
_CHOICE, _COMPARE, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(7)

_SIGNS: Final = {
    "less": ("<", _COMPARE), "less_equal": ("<=", _COMPARE), "greater": (">", _COMPARE),
    "greater_equal": (">=", _COMPARE), "equal": ("==", _COMPARE), "not_equal": ("!=", _COMPARE),
    "add": ("+", _SUM), "subtract": ("-", _SUM), "multiply": ("*", _PRODUCT), "divide": ("/", _PRODUCT),
}  # fmt: skip

Spelled = tuple[str, int]


def value_of(row: Elementwise) -> Call:
    """Return the call of a row on its own arguments."""
    return Call(row.name, tuple(Symbol(name) for name in row.args))


# --- Python: the language of the formulas themselves -----------------------------------------------------------------


class _Python:
    """Infix signs and calls; what the other languages do otherwise, they say below."""

    constants: ClassVar[Mapping[float, str]] = {math.pi: "pi", math.inf: "inf"}
    nan = "nan"
    parentheses = ("(", ")")

    def text(self, e: Expr) -> str:
        return self.spell(e)[0]

    def within(self, e: Expr, least: int) -> str:
        """Spell a part of an expression, in parentheses where it binds less than the sign before or behind it."""
        text, binds = self.spell(e)
        return text if binds >= least else text.join(self.parentheses)

    def spell(self, e: Expr) -> Spelled:
        match e:
            case Const(value):
                return self.number(value)
            case Symbol(name):
                return self.symbol(name), _ATOM
            case Call(name, (left, right)) if name in _SIGNS:
                return self.infix(name, left, right)
            case Call("negative", (inner,)):
                return f"-{self.within(inner, _POWER)}", _SIGN
            case Call("where", (condition, yes, no)):
                return self.choice(condition, yes, no)
            case Call("power", (base, exponent)):
                return self.power(base, exponent)
        return self.call(e)

    def number(self, value: float) -> Spelled:
        if math.copysign(1.0, value) < 0:
            return f"-{self.number(-value)[0]}", _SIGN
        if math.isnan(value):
            return self.nan, _ATOM
        return self.constants.get(value) or self.digits(value), _ATOM

    def digits(self, value: float) -> str:
        return str(int(value)) if value.is_integer() and value < 1e15 else repr(value)

    def symbol(self, name: str) -> str:
        return name

    def infix(self, name: str, left: Expr, right: Expr) -> Spelled:
        sign, binds = _SIGNS[name]
        space = "" if binds == _PRODUCT else " "
        # Floating-point sums and products are not associative: a right operand of the same rank keeps its parentheses.
        first = self.within(left, binds + (binds == _COMPARE))
        return f"{first}{space}{sign}{space}{self.within(right, binds + 1)}", binds

    def choice(self, condition: Expr, yes: Expr, no: Expr) -> Spelled:
        return f"where({self.text(condition)}, {self.text(yes)}, {self.text(no)})", _ATOM

    def power(self, base: Expr, exponent: Expr) -> Spelled:
        if isinstance(exponent, Const) and exponent.value in (2.0, 3.0, 4.0):
            return f"power({self.text(base)}, {self.text(exponent)})", _ATOM  # x**2 would be read as x*x
        return f"{self.within(base, _ATOM)}**{self.within(exponent, _SIGN)}", _POWER

    def call(self, e: Call) -> Spelled:
        chosen = f"[{e.output}]" if _outputs(e) > 1 else ""
        return f"{e.name}({', '.join(self.text(part) for part in e.args)}){chosen}", _ATOM


def _outputs(e: Call) -> int:
    row = TABLE.named(e.name)
    return row.outputs if isinstance(row, Elementwise) else 1


def as_python(e: Expr) -> str:
    """Spell an expression in the language of formulas; :func:`dualad.ops.formula.parse` reads it back."""
    return _Python().text(e)


# --- C ---------------------------------------------------------------------------------------------------------------

#: Calls that C computes as NumPy does, to the last bit, without a function of its library.
EXACT_IN_C: Final[Mapping[str, str]] = {"sqrt": "sqrt", "absolute": "fabs", "fabs": "fabs", "sign": "table_sign"}
_C_NAMES: Final[Mapping[str, str]] = {
    **EXACT_IN_C,
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "gammaln": "lgamma", "gamma": "tgamma",
}  # fmt: skip


class _C(_Python):
    constants = {math.inf: "INFINITY"}
    nan = "NAN"

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def digits(self, value: float) -> str:
        return repr(value)

    def symbol(self, name: str) -> str:
        return self.names.get(name, name)

    def choice(self, condition: Expr, yes: Expr, no: Expr) -> Spelled:
        parts = (self.within(part, _COMPARE) for part in (condition, yes))
        return " ? ".join(parts) + f" : {self.text(no)}", _CHOICE

    def power(self, base: Expr, exponent: Expr) -> Spelled:
        return f"pow({self.text(base)}, {self.text(exponent)})", _ATOM

    def call(self, e: Call) -> Spelled:
        output = f"_{e.output}" if _outputs(e) > 1 else ""
        return f"{_C_NAMES.get(e.name, e.name)}{output}({', '.join(self.text(part) for part in e.args)})", _ATOM


def as_c(e: Expr, names: Mapping[str, str] | None = None) -> str:
    """Spell an expression in C; ``names`` says what stands for the symbols."""
    return _C(names or {}).text(e)


def c_statements(row: Elementwise, formulas: Mapping[str, Expr]) -> list[str]:
    """Return C statements that assign the formulas of a row, with x[i] for its arguments and v for its value."""
    names = {name: f"x[{i}]" for i, name in enumerate(row.args)}
    parts, results = share(list(formulas.values()))
    lines = [f"const double {name} = {as_c(e, names)};" for name, e in parts]
    return lines + [f"{target} = {as_c(e, names)};" for target, e in zip(formulas, results)]


def share(formulas: Sequence[Expr]) -> tuple[list[tuple[str, Expr]], list[Expr]]:
    """Name the parts that occur more than once: pairs ``(name, part)`` in order, and the formulas that use them."""
    uses: dict[Expr, int] = {}

    def count(e: Expr) -> None:
        uses[e] = uses.get(e, 0) + 1
        if uses[e] == 1 and isinstance(e, Call):
            for part in e.args:
                count(part)

    known: dict[Expr, Expr] = {}
    named: list[tuple[str, Expr]] = []

    def rewrite(e: Expr) -> Expr:
        if not isinstance(e, Call):
            return e
        if e not in known:
            new: Expr = Call(e.name, tuple(rewrite(part) for part in e.args), e.output)
            if uses[e] > 1:
                named.append((f"t{len(named)}", new))
                new = Symbol(named[-1][0])
            known[e] = new
        return known[e]

    for e in formulas:
        count(e)
    return named, [rewrite(e) for e in formulas]


# --- SymPy -----------------------------------------------------------------------------------------------------------


class _Sympy(_Python):
    constants = {math.pi: "pi", math.e: "E", math.inf: "oo"}

    def infix(self, name: str, left: Expr, right: Expr) -> Spelled:
        if name in ("equal", "not_equal"):
            return f"{'Eq' if name == 'equal' else 'Ne'}({self.text(left)}, {self.text(right)})", _ATOM
        return super().infix(name, left, right)

    def choice(self, condition: Expr, yes: Expr, no: Expr) -> Spelled:
        test = self.text(condition)
        if not (isinstance(condition, Call) and condition.name in COMPARISONS):
            test = f"Ne({test}, 0)"
        return f"Piecewise(({self.text(yes)}, {test}), ({self.text(no)}, True))", _ATOM

    def power(self, base: Expr, exponent: Expr) -> Spelled:
        return f"{self.within(base, _ATOM)}**{self.within(exponent, _SIGN)}", _POWER

    def call(self, e: Call) -> Spelled:
        row = TABLE.named(e.name)
        assert isinstance(row, Elementwise)
        pattern = row.sympy or e.name
        if pattern.isidentifier() and pattern not in row.args:
            output = f"_{e.output}" if _outputs(e) > 1 else ""
            return f"{pattern}{output}({', '.join(self.text(part) for part in e.args)})", _ATOM
        # SymPy has no function of this kind; the row gives an expression in its arguments.
        given = {name: self.within(part, _ATOM) for name, part in zip(symbols_of(row), e.args)}
        text = re.sub(r"[A-Za-z_]\w*", lambda word: given.get(word[0], word[0]), pattern)
        return f"({text})", _ATOM


def as_sympy(e: Expr) -> str:
    """Spell an expression as text that ``sympy.sympify`` reads; a function it lacks keeps the name of its row."""
    return _Sympy().text(e)


# --- LaTeX -----------------------------------------------------------------------------------------------------------

_LATEX_SIGNS: Final = {
    "less": "<", "less_equal": r"\le", "greater": ">", "greater_equal": r"\ge", "equal": "=", "not_equal": r"\ne",
}  # fmt: skip
_LATEX_FORMS: Final[Mapping[str, str]] = {
    "sqrt": r"\sqrt{{{0}}}", "cbrt": r"\sqrt[3]{{{0}}}", "absolute": r"\left|{0}\right|", "fabs": r"\left|{0}\right|",
    "exp": "e^{{{0}}}", "exp2": "2^{{{0}}}", "exp10": "10^{{{0}}}", "floor": r"\left\lfloor {0}\right\rfloor",
    "ceil": r"\left\lceil {0}\right\rceil", "positive": "{0}",
}  # fmt: skip
_LATEX_NAMES: Final[Mapping[str, str]] = {
    **{name: rf"\{name}" for name in "sin cos tan sinh cosh tanh log arcsin arccos arctan".split()},
    "gamma": r"\Gamma", "beta": r"\mathrm{B}", "digamma": r"\psi", "maximum": r"\max", "minimum": r"\min",
    "log2": r"\log_{2}", "log10": r"\log_{10}", "arcsinh": r"\operatorname{arsinh}",
    "arccosh": r"\operatorname{arcosh}", "arctanh": r"\operatorname{artanh}", "sign": r"\operatorname{sgn}",
}  # fmt: skip
_GREEK: Final = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta kappa mu nu xi rho sigma tau phi chi psi omega".split()
)


class _Latex(_Python):
    constants = {math.pi: r"\pi", math.e: "e", math.inf: r"\infty"}
    nan = r"\mathrm{nan}"
    parentheses = (r"\left(", r"\right)")

    def digits(self, value: float) -> str:
        if value.is_integer() and value < 1e15:
            return str(int(value))
        shown = f"{value:.7g}"
        dots = "" if float(shown) == value else r"\ldots"
        digits, _, exponent = shown.partition("e")
        return f"{digits}{dots}" + (rf" \cdot 10^{{{int(exponent)}}}" if exponent else "")

    def symbol(self, name: str) -> str:
        head, _, index = name.partition("_")
        if not index and (match := re.fullmatch(r"([A-Za-z]+)(\d+)", name)):
            head, index = match.groups()
        head = rf"\{head}" if head in _GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
        return f"{head}_{{{index}}}" if index else head

    def number(self, value: float) -> Spelled:
        text, binds = super().number(value)
        return text, _SUM if binds == _SIGN else _PRODUCT if r"\cdot" in text else binds

    def spell(self, e: Expr) -> Spelled:
        if (found := _polynomial(e)) is not None:
            return rf"p_{{{found[1]}}}\left({self.text(found[0])}\right)", _ATOM
        if (found := _power_of(e)) is not None:
            return self.raised(found[0], str(found[1]))
        match e:
            case Call("negative", (inner,)):
                # A leading minus sign binds like a sum: it may begin one, and gets parentheses inside of one.
                return f"-{self.within(inner, _PRODUCT)}", _SUM
            case Call("multiply" | "divide" as name, (left, right)) if (positive := _negated(left)) is not None:
                rest = right if positive == ONE and name == "multiply" else Call(name, (positive, right))
                return self.spell(Call("negative", (rest,)))
            case Call("hypot", (left, right)):
                squares = (part if part == ONE else Call("square", (part,)) for part in (left, right))
                return self.spell(Call("sqrt", (Call("add", tuple(squares)),)))
            case Call("reciprocal", (inner,)):
                return self.infix("divide", ONE, inner)
        return super().spell(e)

    def infix(self, name: str, left: Expr, right: Expr) -> Spelled:
        if name == "divide":
            return rf"\frac{{{self.text(left)}}}{{{self.text(right)}}}", _POWER
        binds = _SIGNS[name][1]
        if name == "multiply":
            first, second = self.within(left, _PRODUCT), self.within(right, _PRODUCT)
            return first + (r" \cdot " if second[0].isdigit() else r" \, ") + second, _PRODUCT
        sign = _LATEX_SIGNS.get(name) or _SIGNS[name][0]
        # Here sums are sums of real numbers: a + (b + c) needs no parentheses, a + (-b) does.
        least = binds if name == "add" and not self.text(right).startswith("-") else binds + 1
        return f"{self.within(left, binds)} {sign} {self.within(right, least)}", binds

    def choice(self, condition: Expr, yes: Expr, no: Expr) -> Spelled:
        lines = []
        rest: Expr = Call("where", (condition, yes, no))
        while isinstance(rest, Call) and rest.name == "where":
            condition, yes, rest = rest.args
            lines.append(rf"{self.text(yes)} & \text{{if }} {self.text(condition)}")
        lines.append(rf"{self.text(rest)} & \text{{otherwise}}")
        return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}", _ATOM

    def power(self, base: Expr, exponent: Expr) -> Spelled:
        return self.raised(base, self.text(exponent))

    def raised(self, base: Expr, exponent: str) -> Spelled:
        return f"{self.within(base, _ATOM)}^{{{exponent}}}", _POWER

    def call(self, e: Call) -> Spelled:
        if e.name in _LATEX_FORMS:
            return _LATEX_FORMS[e.name].format(*(self.text(part) for part in e.args)), _POWER
        row = TABLE.named(e.name)
        plain = e.name.replace("_", r"\_")
        head = getattr(row, "latex", None) or _LATEX_NAMES.get(e.name, rf"\operatorname{{{plain}}}")
        output = f"_{{{e.output}}}" if _outputs(e) > 1 else ""
        return rf"{head}{output}\left({', '.join(self.text(part) for part in e.args)}\right)", _ATOM


def _power_of(e: Expr) -> tuple[Expr, int] | None:
    """Return base and exponent where an expression is a product of equal factors."""
    match e:
        case Call("square", (base,)):
            return base, 2
        case Call("multiply", (left, right)):
            if left == right:
                found = _power_of(left)
                return (found[0], 2 * found[1]) if found else (left, 2)
            found = _power_of(left)
            return (right, found[1] + 1) if found and found[0] == right else None
    return None


def _negated(e: Expr) -> Expr | None:
    """Return the expression whose negative this one is, as it is written."""
    match e:
        case Call("negative", (inner,)):
            return inner
        case Const(value) if value < 0.0:
            return Const(-value)
        case Call("multiply" | "divide" as name, (left, right)) if (positive := _negated(left)) is not None:
            return Call(name, (positive, right))
    return None


def _polynomial(e: Expr) -> tuple[Expr, int] | None:
    """Return the variable and the degree of a Horner form that is too long to be read."""
    degree = 0
    variable: Expr | None = None
    rest = e
    while True:
        match rest:
            case Call("add", (Const(), Call("multiply", (factor, inner)))) if variable in (None, factor):
                degree, variable, rest = degree + 1, factor, inner
            case Const() if variable is not None and degree > 3:
                return variable, degree
            case _:
                return None


def as_latex(e: Expr) -> str:
    """Spell an expression in LaTeX; a field ``latex`` of a row is what stands for the name of its function.

    A polynomial of degree 4 or more in Horner's form is written ``p_n(u)``, without its coefficients.
    """
    return _Latex().text(e)


# --- the machine's code ----------------------------------------------------------------------------------------------


def as_listing(code: Code, row: Elementwise) -> list[str]:
    """Return three-address code as lines such as ``s2 = s0 * s1``, the last one naming the results."""
    fixed = [*symbols_of(row), *map(as_python, map(Const, code.constants))]

    def slot(number: int) -> str:
        return fixed[number] if number < len(fixed) else f"s{number - len(fixed)}"

    lines = []
    for step in code.instructions:
        name = step.function.__name__ if step.function is not None else Opcode(step.opcode).name.lower()
        sources = [slot(source) for source in step.sources]
        sign = _SIGNS.get(name, ("",))[0]
        work = f" {sign} ".join(sources) if sign and len(sources) == 2 else f"{name}({', '.join(sources)})"
        lines.append(f"{', '.join(slot(target) for target in step.targets)} = {work}")
    return [*lines, f"return {', '.join(slot(result) for result in code.results)}"]
