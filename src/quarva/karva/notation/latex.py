r"""LaTeX: `\operatorname{mean}_{20}\left(\frac{\mathrm{close}}{\mathrm{close}_{t-5}}\right)`.

Printed from the `latex` templates of the operator table, and read back by a grammar made of those same
templates, so that a new operator needs no line here. A template is cut at its arguments: one that begins
and ends with text of its own is a call, one that ends with an argument is a sign before it, one that
begins with an argument is a sign between two or behind one.

Where two operators look alike on paper the source keeps them apart: `x^2` is square and `x^{2}` power,
`\frac1{x}` is inv and `\frac{1}{x}` a division. Fields are `\mathrm{adj\_close}`; a field of one letter
is that letter, but for e, which is Euler's number. A `-` directly before a number belongs to it. `(` and
`)` are read like `\left(` and `\right)`.
"""

import re
from dataclasses import dataclass
from functools import cache

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol, spell_parameter
from quarva.karva.notation.stack import Frame, Sign, Stack, bottom_up
from quarva.karva.notation.symbols import Letters, checked_name, spell_number
from quarva.karva.notation.tokens import END, Token, cut, fault, nearest
from quarva.karva.operators import OPERATORS, Operator, Parameter

__all__ = ["parse_latex", "render_latex"]

_TIMES = r"\s*\\times\s*10\^\{(-?[0-9]+)\}"
_PATTERN = re.compile(
    rf"(?P<number>[0-9]+(?:\.[0-9]+)?(?:{_TIMES})?)"
    r"|(?P<open>\\left\(|\()|(?P<close>\\right\)|\))|(?P<word>\\operatorname\{[^{}]*\})"
    r"|(?P<name>\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\})"
    r"|(?P<command>\\(?:left|right)\||\\[A-Za-z]+)|(?P<letters>[A-Za-z]+)|(?P<constant>\?)"
    r"|(?P<mark>[-+_^{},<>=])|(?P<hole>[\x00-\x07])"
)
# What stands in a template for its arguments and parameters while it is cut; no name can hold them.
_ARGUMENTS = ("\x00", "\x01", "\x02")
_HOLES: dict[str, Parameter] = {
    "\x03": "window", "\x04": "share", "\x05": "count", "\x06": "group", "\x07": "asset",
}  # fmt: skip
# What a template calls a parameter, and what an error writes in its place.
_SHORT: dict[Parameter, str] = {"window": "w", "share": "q", "count": "k", "group": "g", "asset": "a"}
_EXAMPLES = {"w": "20", "q": "0.8", "k": "5", "g": r"\mathrm{sector}", "a": r"\mathrm{SPY}"}
_ESCAPED = {c: "\\" + c for c in "_#$%&{} "} | {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}
_PLAIN = {spelled: c for c, spelled in _ESCAPED.items()}
_ATOM, _BEHIND = 9, 8  # strengths of calls, names and numbers, and of signs behind their argument


@dataclass(frozen=True)
class _Shape:
    """An operator's template, cut at its arguments: `parts[i]` is before argument i, the last behind all."""

    operator: Operator
    parts: tuple[tuple[Token, ...], ...]

    @property
    def kind(self) -> str:
        first, last = bool(self.parts[0]), bool(self.parts[-1])
        if first:
            return "call" if last else "before"
        return "behind" if last else "between"


@cache
def _shapes(kind: str) -> tuple[_Shape, ...]:
    """The shapes of a kind, those with the longest beginnings first."""
    shapes = []
    for operator in OPERATORS:
        parts: list[list[Token]] = [[]]
        holes = {_SHORT[name]: hole for hole, name in _HOLES.items()}
        for token in cut(operator.latex.format(*_ARGUMENTS, **holes), _PATTERN):
            if token.text in _ARGUMENTS:
                parts.append([])
            elif token.kind != END:
                parts[-1].append(token)
        shapes.append(_Shape(operator, tuple(tuple(part) for part in parts)))
    begin = 0 if kind in ("call", "before") else 1
    return tuple(sorted((s for s in shapes if s.kind == kind), key=lambda s: -len(s.parts[begin])))


@cache
def _shape(operator: Operator) -> _Shape:
    shapes = (shape for kind in ("call", "before", "between", "behind") for shape in _shapes(kind))
    return next(shape for shape in shapes if shape.operator is operator)


def parse_latex(letters: Letters) -> Expression:
    """The expression that a formula printed by `render_latex` means; raises FormulaError."""
    return _Latex(letters).read()


class _Latex:
    """One reading of one text: alternates between an operand and what may follow it."""

    def __init__(self, letters: Letters):
        self.letters, self.text = letters, letters.text
        self.tokens = list(cut(self.text, _PATTERN))
        self.at = 0
        self.ended = False  # whether the end stands behind an operand, as it must
        self.stack = Stack(self.text)

    def read(self) -> Expression:
        if self.tokens[0].kind == END:
            raise FormulaError(r"empty formula: write one such as \mathrm{close}_{t-5}")
        while True:
            while not self._operand():
                pass
            while not self._follower():
                pass
            if self.ended:
                return self.stack.finish()

    def _operand(self) -> bool:
        """Reads a step towards an operand; whether one stands complete."""
        token = self._ahead()
        if token.text == "-" and self._negative_literal():
            self.at += 2
            self.stack.operand(self._number("-", self.tokens[self.at - 1]))
            return True
        for kind in ("call", "before"):
            for shape in _shapes(kind):
                if self._opens(shape, token):
                    return False
        self.at += 1
        match token.kind:
            case "open":
                self.stack.open(Frame(token.column))
                return False
            case "number":
                self.stack.operand(self._number("", token))
            case "constant":
                self.stack.operand(Symbol())
            case "name" | "letters":
                self.stack.operand(self.letters.field(self._name(token), token.column))
            case _:
                raise self._no_operand(token)
        return True

    def _opens(self, shape: _Shape, token: Token) -> bool:
        frame = Frame(token.column, shape.operator)
        end = self._match(shape.parts[0], self.at, frame)
        if end is None:
            return False
        self.at = end
        if shape.kind == "call":
            self.stack.open(frame)
        else:
            self.stack.before(Sign(shape.operator, shape.operator.strength, token.column))
        return True

    def _follower(self) -> bool:
        """Reads a step behind an operand; whether an operand, or the end, must come next."""
        token, stack = self._ahead(), self.stack
        for shape in _shapes("behind"):
            frame = Frame(token.column, shape.operator)
            end = self._match(shape.parts[1], self.at, frame)
            if end is None:
                continue
            self.at = end
            if shape.operator.arity == 1:
                stack.behind(Symbol(shape.operator, **frame.parameters), token.column)
                return False
            base = stack.top.values.pop()
            stack.open(frame)
            frame.args.append(base)
            return True
        for shape in _shapes("between"):
            end = self._match(shape.parts[1], self.at, Frame(token.column))
            if end is not None:
                self.at = end
                stack.between(Sign(shape.operator, shape.operator.strength, token.column))
                return True
        if stack.outermost and token.kind == END:
            self.ended = True
            return True
        return self._ends_argument(token)

    def _ends_argument(self, token: Token) -> bool:
        frame, stack = self.stack.top, self.stack
        if not stack.outermost and frame.operator is None and token.kind == "close":
            self.at += 1
            stack.fold()
            stack.close()
            return False
        if frame.operator is not None:
            done = len(frame.args) + 1
            end = self._match(_shape(frame.operator).parts[done], self.at, frame)
            if end is not None:
                self.at = end
                stack.fold()
                if done < frame.operator.arity:
                    return True
                stack.close()
                return False
        raise self._no_follower(token)

    def _match(self, part: tuple[Token, ...], at: int, frame: Frame) -> int | None:
        """The place behind `part`, if its tokens stand at place `at`; fills the frame's parameters."""
        for wanted, found in zip(part, self.tokens[at:], strict=False):
            name = _HOLES.get(wanted.text)
            if name is None and _sense(wanted) != _sense(found):
                return None
            if name is not None and frame.operator is not None:
                spelling = self._spelled(name, found)
                if spelling is None:
                    return None
                frame.parameters[name] = self.letters.parameter(frame.operator, name, spelling, found.column)
        return at + len(part)

    def _spelled(self, name: Parameter, token: Token) -> str | None:
        """What a token spells, if it may spell such a parameter."""
        if name in ("group", "asset"):
            return self._name(token) if token.kind in ("name", "letters") else None
        pattern = r"[0-9]+(\.[0-9]+)?" if name == "share" else "[0-9]+"
        return token.text if re.fullmatch(pattern, token.text) else None

    def _negative_literal(self) -> bool:
        if self.tokens[self.at + 1].kind != "number":
            return False
        behind = self.tokens[self.at + 2].text
        return all(shape.parts[1][0].text != behind for shape in _shapes("behind"))

    def _number(self, sign: str, token: Token) -> Symbol:
        spelling = re.sub(_TIMES, r"e\1", token.text)
        return self.letters.number(sign + spelling, token.column)

    def _name(self, token: Token) -> str:
        if token.kind == "letters":
            if len(token.text) > 1:
                what, hint = f"unexpected '{token.text}'", rf"write a field as \mathrm{{{token.text}}}"
                raise fault(self.text, token.column, what, hint)
            return token.text
        inner = token.text.removeprefix(r"\mathrm{")[:-1]
        return re.sub(r"\\[a-z]+\{\}|\\[^a-z]", lambda m: _PLAIN.get(m.group(), m.group()), inner)

    def _ahead(self) -> Token:
        return self.tokens[self.at]

    def _no_operand(self, token: Token) -> FormulaError:
        signs = {shape.parts[1][0].text for shape in _shapes("between")}
        if token.kind in ("word", "command") and token.text not in (r"\right|", *signs):
            known = {shape.parts[0][0].text for shape in _shapes("call")}
            if token.text in known:
                usual = next(s for s in _shapes("call") if s.parts[0][0].text == token.text)
                what = f"'{token.text}' not in its form"
                return fault(self.text, token.column, what, _write(usual.operator))
            hint = nearest(token.text, known, "operator")
            return fault(self.text, token.column, f"unknown operator '{token.text}'", hint)
        found = "the end" if token.kind == END else f"'{token.text}'"
        return fault(self.text, token.column, f"an operand is expected, not {found}")

    def _no_follower(self, token: Token) -> FormulaError:
        frame = self.stack.top
        if frame.operator is not None:
            found = "the end" if token.kind == END else f"'{token.text}'"
            wants = f"{frame.operator.arity} argument{'s' * (frame.operator.arity > 1)}"
            what = f"{frame.operator.name} takes {wants} and can not go on with {found}"
            return fault(self.text, token.column, what, _write(frame.operator))
        if token.kind == END:
            return fault(self.text, frame.column, "'(' is never closed")
        if token.kind == "close":
            return fault(self.text, token.column, "')' closes nothing")
        return fault(self.text, token.column, f"unexpected '{token.text}'")


def _sense(token: Token) -> str:
    """What a token stands for: `(` is the same as `\\left(`."""
    return token.kind if token.kind in ("open", "close") else token.text


def _write(operator: Operator) -> str:
    return "write " + _fill(operator, ["x", "y", "z"], _EXAMPLES)


def _fill(operator: Operator, args: list[str], parameters: dict[str, str]) -> str:
    template = operator.latex.replace("(", r"\left(").replace(")", r"\right)")
    return template.format(*args, **parameters)


def render_latex(expression: Expression) -> str:
    """The formula in LaTeX's mathematical mode; raises FormulaError for what can not be written."""
    return bottom_up(expression, _spell)[0]


def _spell(node: Expression, args: list[tuple[str, int]]) -> tuple[str, int]:
    """A node's text, and how strongly it binds, from those of its arguments."""
    symbol, operator = node.symbol, node.symbol.operator
    if operator is None:
        return _spell_terminal(symbol), _ATOM
    texts = [text for text, _ in args]
    kind, strength = _shape(operator).kind, _ATOM
    if kind == "between":
        strength = operator.strength
        texts = [_within(args[0], strength + operator.compares), _within(args[1], strength + 1)]
        texts[1] = _bracketed(texts[1]) if texts[1].startswith("-") else texts[1]
    elif kind == "before":
        strength = operator.strength
        texts = [_bracketed(texts[0]) if _is_number(texts[0]) else _within(args[0], _BEHIND)]
    elif kind == "behind":
        strength = _BEHIND
        texts[0] = texts[0] if _may_stand_before(texts[0], operator) else _bracketed(texts[0])
    spelled = {
        _SHORT[name]: _spell_name(value) if isinstance(value, str) else spell_parameter(value)
        for name, value in zip(operator.parameters, symbol.parameters, strict=True)
    }
    return _fill(operator, texts, spelled), strength


def _spell_terminal(symbol: Symbol) -> str:
    if symbol.field is not None:
        alone = re.fullmatch("[A-Za-z]", symbol.field) and symbol.field != "e"
        return symbol.field if alone else _spell_name(symbol.field)
    if symbol.number is None:
        return "?"
    mantissa, _, exponent = spell_number(symbol.number).partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa


def _spell_name(name: str) -> str:
    return rf"\mathrm{{{''.join(_ESCAPED.get(c, c) for c in checked_name(name))}}}"


def _within(part: tuple[str, int], strength: int) -> str:
    text, own = part
    return text if own >= strength else _bracketed(text)


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"-?[0-9.]+(?:{_TIMES})?", text) is not None


def _may_stand_before(text: str, operator: Operator) -> bool:
    """Whether a sign behind `text` is seen to bind all of it: for a name, or as a power of a plain number."""
    if re.fullmatch(r"[A-Za-z?]|\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\}", text):
        return True
    return not operator.windowed and re.fullmatch("[0-9.]+", text) is not None
