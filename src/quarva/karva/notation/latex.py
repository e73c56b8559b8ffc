r"""LaTeX: `\operatorname{mean}_{20}\left(\frac{\mathrm{close}}{\mathrm{close}_{t-5}}\right)`.

Formulas are rendered from the `latex` templates of the operator table and parsed by a grammar made of the
same templates, so a new operator needs no code here. A template is split at its arguments. One that begins
and ends with text is a call, one that ends with an argument is a prefix sign, and one that begins with an
argument is an infix or a postfix sign.

Operators that look alike when typeset differ in their source: `x^2` is square and `x^{2}` power, `\frac1{x}`
is inv and `\frac{1}{x}` a division. Fields are written `\mathrm{adj\_close}`. A field with a one-letter name
is written as that letter, except e, which is Euler's number. A `-` directly before a number is part of the
number. `(` and `)` are parsed like `\left(` and `\right)`.
"""

import re
from dataclasses import dataclass
from functools import cache

from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol, format_parameter
from quarva.karva.notation.stack import Frame, Sign, Stack, bottom_up
from quarva.karva.notation.symbols import SymbolParser, checked_name, format_number
from quarva.karva.notation.tokens import END, Token, error_at, suggestion, tokenize
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
# Placeholders for arguments and parameters while a template is split; they cannot occur in a name.
_ARGUMENTS = ("\x00", "\x01", "\x02")
_PLACEHOLDERS: dict[str, Parameter] = {
    "\x03": "window", "\x04": "share", "\x05": "count", "\x06": "group", "\x07": "asset",
}  # fmt: skip
# Name of each parameter in templates, and its example value in error messages.
_SHORT: dict[Parameter, str] = {"window": "w", "share": "q", "count": "k", "group": "g", "asset": "a"}
_EXAMPLES = {"w": "20", "q": "0.8", "k": "5", "g": r"\mathrm{sector}", "a": r"\mathrm{SPY}"}
_ESCAPED = {c: "\\" + c for c in "_#$%&{} "} | {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}
_PLAIN = {escaped: c for c, escaped in _ESCAPED.items()}
_ATOM, _POSTFIX = 9, 8  # strengths of calls, names and numbers, and of postfix signs


@dataclass(frozen=True)
class _Template:
    """An operator's template, split at its arguments; `parts[i]` precedes argument i."""

    operator: Operator
    parts: tuple[tuple[Token, ...], ...]

    @property
    def kind(self) -> str:
        first, last = bool(self.parts[0]), bool(self.parts[-1])
        if first:
            return "call" if last else "prefix"
        return "postfix" if last else "infix"


@cache
def _templates(kind: str) -> tuple[_Template, ...]:
    """Return the templates of a kind, those with the longest first part first."""
    templates = []
    for operator in OPERATORS:
        parts: list[list[Token]] = [[]]
        placeholders = {_SHORT[name]: placeholder for placeholder, name in _PLACEHOLDERS.items()}
        for token in tokenize(operator.latex.format(*_ARGUMENTS, **placeholders), _PATTERN):
            if token.text in _ARGUMENTS:
                parts.append([])
            elif token.kind != END:
                parts[-1].append(token)
        templates.append(_Template(operator, tuple(tuple(part) for part in parts)))
    begin = 0 if kind in ("call", "prefix") else 1
    return tuple(sorted((t for t in templates if t.kind == kind), key=lambda t: -len(t.parts[begin])))


@cache
def _template(operator: Operator) -> _Template:
    kinds = ("call", "prefix", "infix", "postfix")
    return next(t for kind in kinds for t in _templates(kind) if t.operator is operator)


def parse_latex(symbols: SymbolParser) -> Expression:
    """Parse a formula rendered by `render_latex`; raise FormulaError if it is invalid."""
    return _LatexParser(symbols).parse()


class _LatexParser:
    """Parses one text, alternating between operands and what may follow them."""

    def __init__(self, symbols: SymbolParser):
        self.symbols, self.text = symbols, symbols.text
        self.tokens = list(tokenize(self.text, _PATTERN))
        self.at = 0
        self.ended = False  # whether the end of the text follows an operand
        self.stack = Stack(self.text)

    def parse(self) -> Expression:
        if self.tokens[0].kind == END:
            raise FormulaError(r"empty formula: write for example \mathrm{close}_{t-5}")
        while True:
            while not self._operand():
                pass
            while not self._follower():
                pass
            if self.ended:
                return self.stack.finish()

    def _operand(self) -> bool:
        """Read a part of an operand, and return whether the operand is complete."""
        token = self._ahead()
        if token.text == "-" and self._negative_literal():
            self.at += 2
            self.stack.push_symbol(self._number("-", self.tokens[self.at - 1]))
            return True
        for kind in ("call", "prefix"):
            for template in _templates(kind):
                if self._opens(template, token):
                    return False
        self.at += 1
        match token.kind:
            case "open":
                self.stack.open(Frame(token.column))
                return False
            case "number":
                self.stack.push_symbol(self._number("", token))
            case "constant":
                self.stack.push_symbol(Symbol())
            case "name" | "letters":
                self.stack.push_symbol(self.symbols.field(self._name(token), token.column))
            case _:
                raise self._no_operand(token)
        return True

    def _opens(self, template: _Template, token: Token) -> bool:
        operator = template.operator
        frame = Frame(token.column, operator)
        end = self._match(template.parts[0], self.at, frame)
        if end is None:
            return False
        self.at = end
        if template.kind == "call":
            self.stack.open(frame)
        else:
            self.stack.prefix(Sign(operator, operator.strength, token.column))
        return True

    def _follower(self) -> bool:
        """Read what follows an operand, and return whether an operand or the end must be next."""
        token, stack = self._ahead(), self.stack
        for template in _templates("postfix"):
            frame = Frame(token.column, template.operator)
            end = self._match(template.parts[1], self.at, frame)
            if end is None:
                continue
            self.at = end
            if template.operator.arity == 1:
                stack.postfix(Symbol(template.operator, **frame.parameters), token.column)
                return False
            base = stack.top.values.pop()
            stack.open(frame)
            frame.args.append(base)
            return True
        for template in _templates("infix"):
            end = self._match(template.parts[1], self.at, Frame(token.column))
            if end is not None:
                self.at = end
                stack.infix(Sign(template.operator, template.operator.strength, token.column))
                return True
        if stack.outermost and token.kind == END:
            self.ended = True
            return True
        return self._ends_argument(token)

    def _ends_argument(self, token: Token) -> bool:
        frame, stack = self.stack.top, self.stack
        if not stack.outermost and frame.operator is None and token.kind == "close":
            self.at += 1
            stack.end_argument()
            stack.close()
            return False
        if frame.operator is not None:
            done = len(frame.args) + 1
            end = self._match(_template(frame.operator).parts[done], self.at, frame)
            if end is not None:
                self.at = end
                stack.end_argument()
                if done < frame.operator.arity:
                    return True
                stack.close()
                return False
        raise self._no_follower(token)

    def _match(self, part: tuple[Token, ...], at: int, frame: Frame) -> int | None:
        """Match the tokens from `at` with a part of a template, and set the parameters of the frame.

        Returns the index after the match, or None.
        """
        for expected, found in zip(part, self.tokens[at:], strict=False):
            name = _PLACEHOLDERS.get(expected.text)
            if name is None and _normalised(expected) != _normalised(found):
                return None
            if name is not None and frame.operator is not None:
                text = self._parameter_text(name, found)
                if text is None:
                    return None
                frame.parameters[name] = self.symbols.parameter(frame.operator, name, text, found.column)
        return at + len(part)

    def _parameter_text(self, name: Parameter, token: Token) -> str | None:
        """Return the text of a token if it can be the value of a parameter."""
        if name in ("group", "asset"):
            return self._name(token) if token.kind in ("name", "letters") else None
        pattern = r"[0-9]+(\.[0-9]+)?" if name == "share" else "[0-9]+"
        return token.text if re.fullmatch(pattern, token.text) else None

    def _negative_literal(self) -> bool:
        if self.tokens[self.at + 1].kind != "number":
            return False
        after = self.tokens[self.at + 2].text
        return all(template.parts[1][0].text != after for template in _templates("postfix"))

    def _number(self, sign: str, token: Token) -> Symbol:
        text = re.sub(_TIMES, r"e\1", token.text)
        return self.symbols.number(sign + text, token.column)

    def _name(self, token: Token) -> str:
        if token.kind == "letters":
            if len(token.text) > 1:
                problem, hint = f"unexpected '{token.text}'", rf"write a field as \mathrm{{{token.text}}}"
                raise error_at(self.text, token.column, problem, hint)
            return token.text
        inner = token.text.removeprefix(r"\mathrm{")[:-1]
        return re.sub(r"\\[a-z]+\{\}|\\[^a-z]", lambda m: _PLAIN.get(m.group(), m.group()), inner)

    def _ahead(self) -> Token:
        return self.tokens[self.at]

    def _no_operand(self, token: Token) -> FormulaError:
        signs = {template.parts[1][0].text for template in _templates("infix")}
        if token.kind in ("word", "command") and token.text not in (r"\right|", *signs):
            known = {template.parts[0][0].text for template in _templates("call")}
            if token.text in known:
                usual = next(t for t in _templates("call") if t.parts[0][0].text == token.text)
                problem = f"malformed '{token.text}'"
                return error_at(self.text, token.column, problem, _usage(usual.operator))
            hint = suggestion(token.text, known, "operator")
            return error_at(self.text, token.column, f"unknown operator '{token.text}'", hint)
        found = "the end" if token.kind == END else f"'{token.text}'"
        return error_at(self.text, token.column, f"expected an operand, not {found}")

    def _no_follower(self, token: Token) -> FormulaError:
        frame = self.stack.top
        if frame.operator is not None:
            found = "the end" if token.kind == END else f"'{token.text}'"
            expected = f"{frame.operator.arity} argument{'s' * (frame.operator.arity > 1)}"
            problem = f"{frame.operator.name} takes {expected} and cannot be followed by {found}"
            return error_at(self.text, token.column, problem, _usage(frame.operator))
        if token.kind == END:
            return error_at(self.text, frame.column, "'(' is never closed")
        if token.kind == "close":
            return error_at(self.text, token.column, "unmatched ')'")
        return error_at(self.text, token.column, f"unexpected '{token.text}'")


def _normalised(token: Token) -> str:
    """Return the text of a token, or its kind for parentheses: `(` is equivalent to `\\left(`."""
    return token.kind if token.kind in ("open", "close") else token.text


def _usage(operator: Operator) -> str:
    return "write " + _fill(operator, ["x", "y", "z"], _EXAMPLES)


def _fill(operator: Operator, args: list[str], parameters: dict[str, str]) -> str:
    template = operator.latex.replace("(", r"\left(").replace(")", r"\right)")
    return template.format(*args, **parameters)


def render_latex(expression: Expression) -> str:
    """Render an expression in LaTeX's math mode; raise FormulaError if a name or number is invalid."""
    return bottom_up(expression, _render)[0]


def _render(node: Expression, args: list[tuple[str, int]]) -> tuple[str, int]:
    """Return the text and the binding strength of a node, from those of its arguments."""
    symbol, operator = node.symbol, node.symbol.operator
    if operator is None:
        return _render_terminal(symbol), _ATOM
    texts = [text for text, _ in args]
    kind, strength = _template(operator).kind, _ATOM
    if kind == "infix":
        strength = operator.strength
        texts = [_parenthesised(args[0], strength + operator.compares), _parenthesised(args[1], strength + 1)]
        texts[1] = _bracketed(texts[1]) if texts[1].startswith("-") else texts[1]
    elif kind == "prefix":
        strength = operator.strength
        texts = [_bracketed(texts[0]) if _is_number(texts[0]) else _parenthesised(args[0], _POSTFIX)]
    elif kind == "postfix":
        strength = _POSTFIX
        texts[0] = texts[0] if _may_precede_postfix(texts[0], operator) else _bracketed(texts[0])
    parameters = {
        _SHORT[name]: _render_name(value) if isinstance(value, str) else format_parameter(value)
        for name, value in zip(operator.parameters, symbol.parameters, strict=True)
    }
    return _fill(operator, texts, parameters), strength


def _render_terminal(symbol: Symbol) -> str:
    if symbol.field is not None:
        alone = re.fullmatch("[A-Za-z]", symbol.field) and symbol.field != "e"
        return symbol.field if alone else _render_name(symbol.field)
    if symbol.number is None:
        return "?"
    mantissa, _, exponent = format_number(symbol.number).partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa


def _render_name(name: str) -> str:
    return rf"\mathrm{{{''.join(_ESCAPED.get(c, c) for c in checked_name(name))}}}"


def _parenthesised(part: tuple[str, int], strength: int) -> str:
    text, own = part
    return text if own >= strength else _bracketed(text)


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"-?[0-9.]+(?:{_TIMES})?", text) is not None


def _may_precede_postfix(text: str, operator: Operator) -> bool:
    """Return whether a postfix sign visibly applies to all of `text`: a name, or the base of a power."""
    if re.fullmatch(r"[A-Za-z?]|\\mathrm\{(?:\\[a-z]+\{\}|\\[^a-z]|[^{}\\])+\}", text):
        return True
    return not operator.windowed and re.fullmatch("[0-9.]+", text) is not None
