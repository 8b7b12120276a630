"""From Lua 5.1 to Python source: enough of the language for what runs inside the server.

Left out: goto, coroutines, metatables, long strings. A local becomes a Python local of a name of its own, so blocks and
shadowing keep Lua's meaning; one variable serves all rounds of a loop, which only a closure kept from it could tell.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKENS = re.compile(
    r"""
    (?P<space>\s+|--\[\[.*?\]\]|--[^\n]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<sign>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^\#<>=(){}\[\];:,.])
""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset({"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local"})
_KEYWORDS |= {"nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}
_BINARY = {
    "or": (1, 1),
    "and": (2, 2),
    "<": (3, 3),
    ">": (3, 3),
    "<=": (3, 3),
    ">=": (3, 3),
    "~=": (3, 3),
    "==": (3, 3),
    "..": (5, 4),
    "+": (6, 6),
    "-": (6, 6),
    "*": (7, 7),
    "/": (7, 7),
    "%": (7, 7),
    "^": (10, 9),
}
_UNARY_POWER = 8
_BLOCK_ENDS = frozenset({"end", "else", "elseif", "until", ""})
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


class Unreadable(Exception):
    """The source is not of the part of Lua that is understood here."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


@dataclass(slots=True)
class _Function:
    """A function under translation."""

    depth: int
    outer: set[str] = field(default_factory=set)
    """Variables of enclosing functions that it assigns to."""


@dataclass(frozen=True, slots=True)
class _Expression:
    """Python source of a value. `several`: it is a call, and may answer several."""

    source: str
    several: bool = False
    literal: str = ""
    """`number` or `string` where it is known."""

    @property
    def one(self) -> str:
        return f"one({self.source})" if self.several else self.source

    @property
    def number(self) -> str:
        return self.source if self.literal == "number" else f"number({self.one})"


def python_of(source: str) -> str:
    """Source of a Python function `script(KEYS, ARGV)` that does the same. Raises Unreadable."""
    return _Translator(source).script()


class _Translator:
    def __init__(self, source: str) -> None:
        self._tokens = list(_tokens(source))
        self._at = 0
        self._lines: list[str] = []
        self._indent = 1
        self._scopes: list[dict[str, tuple[str, int]]] = [{"KEYS": ("KEYS", 1), "ARGV": ("ARGV", 1)}]
        self._functions = [_Function(1)]
        self._counter = 0

    def script(self) -> str:
        self._block()
        self._take("")
        return "\n".join(["def script(KEYS, ARGV):", *(self._lines or ["    pass"])])

    # Statements

    def _block(self) -> None:
        self._scopes.append({})
        before = len(self._lines)
        while self._peek() not in _BLOCK_ENDS:
            self._statement()
            self._accept(";")
        if len(self._lines) == before:
            self._write("pass")
        self._scopes.pop()

    def _indented_block(self) -> None:
        self._indent += 1
        self._block()
        self._indent -= 1

    def _statement(self) -> None:
        match self._peek():
            case "local":
                self._next()
                self._local_function() if self._accept("function") else self._local()
            case "if":
                self._if()
            case "while":
                self._next()
                self._write(f"while {_truth(self._expression())}:")
                self._closed_block("do")
            case "repeat":
                self._repeat()
            case "for":
                self._for()
            case "function":
                self._named_function()
            case "do":
                self._next()
                self._block()
                self._take("end")
            case "return":
                self._return()
            case "break":
                self._next()
                self._write("break")
            case _:
                self._assignment_or_call()

    def _local(self) -> None:
        names = [self._name()]
        while self._accept(","):
            names.append(self._name())
        values = self._expressions() if self._accept("=") else []
        source = _fitted(values, len(names))
        targets = [self._declare(name) for name in names]
        self._write(f"{', '.join(targets)} = {source}")

    def _local_function(self) -> None:
        self._function_body(self._declare(self._name()))

    def _named_function(self) -> None:
        self._next()
        self._function_body(self._declare(self._name()))

    def _function_body(self, python_name: str) -> None:
        self._take("(")
        function = _Function(len(self._functions) + 1)
        self._functions.append(function)
        self._scopes.append({})
        parameters = []
        while not self._accept(")"):
            parameters.append(self._declare(self._name()))
            self._accept(",")
        listed = "".join(f"{name}=None, " for name in parameters)
        self._write(f"def {python_name}({listed}*_):")
        place = len(self._lines)
        self._indented_block()
        self._take("end")
        self._scopes.pop()
        self._functions.pop()
        for name in sorted(function.outer):
            self._lines.insert(place, "    " * (self._indent + 1) + f"nonlocal {name}")

    def _if(self) -> None:
        word = "if"
        while self._peek() in {"if", "elseif"}:
            self._next()
            self._write(f"{word} {_truth(self._expression())}:")
            self._take("then")
            self._indented_block()
            word = "elif"
        if self._accept("else"):
            self._write("else:")
            self._indented_block()
        self._take("end")

    def _closed_block(self, opening: str) -> None:
        self._take(opening)
        self._indented_block()
        self._take("end")

    def _repeat(self) -> None:
        self._next()
        self._write("while True:")
        self._indented_block()
        self._take("until")
        self._indent += 1
        self._write(f"if {_truth(self._expression())}: break")
        self._indent -= 1

    def _for(self) -> None:
        self._next()
        names = [self._name()]
        while self._accept(","):
            names.append(self._name())
        if self._accept("="):
            rounds = f"counting({', '.join(each.number for each in self._expressions())})"
        else:
            self._take("in")
            rounds = f"pairwise({', '.join(each.one for each in self._expressions())}, {len(names)})"
        self._scopes.append({})
        self._write(f"for {', '.join([self._declare(name) for name in names])} in {rounds}:")
        self._closed_block("do")
        self._scopes.pop()

    def _return(self) -> None:
        self._next()
        ends = self._peek() in _BLOCK_ENDS or self._peek() == ";"
        values = [] if ends else self._expressions()
        if len(values) == 1:
            self._write(f"return {values[0].source}")
        else:
            self._write(f"return Many({_listed(values)})")

    def _assignment_or_call(self) -> None:
        first = self._suffixed()
        if self._peek() not in {"=", ","}:
            self._write(first.source)
            return
        targets = [first]
        while self._accept(","):
            targets.append(self._suffixed())
        self._take("=")
        source = _fitted(self._expressions(), len(targets))
        if len(targets) == 1:
            self._write(self._stored(first.source, source))
            return
        places = [self._fresh("value") for _ in targets]
        self._write(f"{', '.join(places)} = {source}")
        for target, place in zip(targets, places, strict=True):
            self._write(self._stored(target.source, place))

    def _stored(self, target: str, value: str) -> str:
        if target.startswith("index("):
            return f"put({target[len('index(') : -1]}, {value})"
        for scope in self._scopes:
            for python_name, depth in scope.values():
                if python_name == target and depth < len(self._functions):
                    for function in self._functions[depth:]:
                        function.outer.add(target)
        return f"{target} = {value}"

    # Expressions

    def _expressions(self) -> list[_Expression]:
        found = [self._expression()]
        while self._accept(","):
            found.append(self._expression())
        return found

    def _expression(self, power: int = 0) -> _Expression:
        left = self._unary()
        while (operator := self._peek()) in _BINARY and _BINARY[operator][0] > power:
            self._next()
            left = self._combined(operator, left, self._expression(_BINARY[operator][1]))
        return left

    def _combined(self, operator: str, left: _Expression, right: _Expression) -> _Expression:
        match operator:
            case "and" | "or":
                place = self._fresh("side")
                condition = f"({place} := {left.one}) is None or {place} is False"
                yes, no = (right.one, place) if operator == "or" else (place, right.one)
                return _Expression(f"({yes} if {condition} else {no})")
            case "==" | "~=":
                same = f"equal({left.one}, {right.one})"
                return _Expression(same if operator == "==" else f"(not {same})")
            case "..":
                return _Expression(f"joined({left.one}, {right.one})")
            case "<" | ">" | "<=" | ">=":
                return _Expression(f"({left.one} {operator} {right.one})")
            case _:
                sign = "**" if operator == "^" else operator
                return _Expression(f"({left.number} {sign} {right.number})", literal="number")

    def _unary(self) -> _Expression:
        match self._peek():
            case "not":
                self._next()
                return _Expression(f"(not {_truth(self._expression(_UNARY_POWER))})")
            case "-":
                self._next()
                return _Expression(f"(-{self._expression(_UNARY_POWER).number})", literal="number")
            case "#":
                self._next()
                return _Expression(f"len({self._expression(_UNARY_POWER).one})", literal="number")
            case _:
                return self._simple()

    def _simple(self) -> _Expression:
        token = self._tokens[self._at]
        if token.kind == "number":
            return _Expression(str(_number(self._next())), literal="number")
        if token.kind == "string":
            return _Expression(repr(_unquoted(self._next())), literal="string")
        constants = {"nil": "None", "true": "True", "false": "False"}
        if token.text in constants:
            return _Expression(constants[self._next()])
        if token.text == "{":
            return self._table()
        if token.text == "function":
            self._next()
            name = self._fresh("function")
            self._function_body(name)
            return _Expression(name)
        return self._suffixed()

    def _suffixed(self) -> _Expression:
        if self._accept("("):
            value = _Expression(self._expression().one)
            self._take(")")
        else:
            value = _Expression(self._resolve(self._name()))
        while True:
            match self._peek():
                case ".":
                    self._next()
                    value = self._member(value.one, self._name())
                case "[":
                    self._next()
                    value = _Expression(f"index({value.one}, {self._expression().one})")
                    self._take("]")
                case ":":
                    self._next()
                    name = self._name()
                    value = _Expression(f"string_{name}({value.one}, {self._arguments()})", several=True)
                case "(" | "{":
                    value = _Expression(f"{value.one}({self._arguments()})", several=True)
                case _ if self._tokens[self._at].kind == "string":
                    value = _Expression(f"{value.one}({self._arguments()})", several=True)
                case _:
                    return value

    def _member(self, owner: str, name: str) -> _Expression:
        if owner in _LIBRARIES:  # the functions of a library are Python names: `redis_call`
            return _Expression(f"{owner}_{name}")
        return _Expression(f"index({owner}, {name.encode()!r})")

    def _arguments(self) -> str:
        if self._tokens[self._at].kind == "string":
            return repr(_unquoted(self._next()))
        if self._peek() == "{":
            return self._table().source
        self._take("(")
        values = [] if self._peek() == ")" else self._expressions()
        self._take(")")
        return _arguments_of(values)

    def _table(self) -> _Expression:
        self._take("{")
        listed: list[_Expression] = []
        named: list[str] = []
        while not self._accept("}"):
            if self._peek() == "[":
                self._next()
                key = self._expression().one
                self._take("]")
                self._take("=")
                named.append(f"{key}: {self._expression().one}")
            elif self._tokens[self._at].kind == "name" and self._tokens[self._at + 1].text == "=":
                key = repr(self._name().encode())
                self._take("=")
                named.append(f"{key}: {self._expression().one}")
            else:
                listed.append(self._expression())
            if not (self._accept(",") or self._accept(";")) and self._peek() != "}":
                raise Unreadable(f"line {self._tokens[self._at].line}: a table is not closed")
        if not listed and not named:
            return _Expression("Table()")
        return _Expression(f"table({_listed(listed)}, {{{', '.join(named)}}})")

    # Names and tokens

    def _declare(self, name: str) -> str:
        python_name = self._fresh(name)
        self._scopes[-1][name] = (python_name, len(self._functions))
        return python_name

    def _resolve(self, name: str) -> str:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name][0]
        return name if name in _LIBRARIES else f"global_{name}"

    def _fresh(self, name: str) -> str:
        self._counter += 1
        return f"{name}_{self._counter}"

    def _write(self, line: str) -> None:
        self._lines.append("    " * self._indent + line)

    def _peek(self) -> str:
        token = self._tokens[self._at]
        return token.text if token.kind != "string" else '"'

    def _next(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        return token.text

    def _accept(self, text: str) -> bool:
        if self._peek() == text:
            self._at += 1
            return True
        return False

    def _take(self, text: str) -> None:
        token = self._tokens[self._at]
        if not self._accept(text) and token.kind != "end":
            raise Unreadable(f"line {token.line}: {text or 'the end'} expected, not {token.text!r}")
        if token.kind == "end" and text:
            raise Unreadable(f"line {token.line}: {text} expected, not the end")

    def _name(self) -> str:
        token = self._tokens[self._at]
        if token.kind != "name" or token.text in _KEYWORDS:
            raise Unreadable(f"line {token.line}: a name expected, not {token.text!r}")
        return self._next()


_LIBRARIES = frozenset({"redis", "server", "string", "table", "math", "cjson", "cmsgpack"})


def _tokens(source: str) -> Iterator[_Token]:
    at = source.find("\n") if source.startswith("#!") else 0
    while at < len(source):
        found = _TOKENS.match(source, at)
        line = source.count("\n", 0, at) + 1
        if not found:
            raise Unreadable(f"line {line}: {source[at : at + 20]!r}")
        at = found.end()
        if found.lastgroup and found.lastgroup != "space":
            yield _Token(found.lastgroup, found.group(), line)
    yield _Token("end", "", source.count("\n") + 1)


def _unquoted(text: str) -> bytes:
    def plain(found: re.Match[str]) -> str:
        escaped = found.group(1)
        return chr(int(escaped)) if escaped.isdigit() and escaped != "0" else _ESCAPES.get(escaped, escaped)

    return re.sub(r"\\(\d{1,3}|.)", plain, text[1:-1], flags=re.DOTALL).encode("latin-1")


def _number(text: str) -> float | int:
    if text.lower().startswith("0x"):
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)


def _truth(value: _Expression) -> str:
    if value.source.startswith(("equal(", "(not ")):
        return value.source
    return f"true({value.one})"


def _fitted(values: list[_Expression], count: int) -> str:
    """So many values, whatever the expressions answer."""
    if len(values) == count and not (values and values[-1].several and count > 1):
        return ", ".join(each.one for each in values)
    if values and values[-1].several:
        return f"fitted({_listed(values)}, {count})"
    padded = [each.one for each in values] + ["None"] * (count - len(values))
    return ", ".join(padded[:count])


def _listed(values: list[_Expression]) -> str:
    """A Python list; the last call gives all that it answers."""
    if not values:
        return "[]"
    head = [each.one for each in values[:-1]]
    tail = f"*spread({values[-1].source})" if values[-1].several else values[-1].source
    return f"[{', '.join([*head, tail])}]"


def _arguments_of(values: list[_Expression]) -> str:
    return _listed(values)[1:-1]
