"""Calls in Python's form: `NAME(key="…")`. Parsed, never evaluated; only literals are taken."""

import ast
import re
import warnings
from collections.abc import Collection, Sequence

from websearch_agent.model_calls import ToolCall
from websearch_agent.models.dialects.call_json import NotACall, check_call

_NAME = re.compile(r"[\w.-]*")
# Where a call begins, its name is read from at most this much.
MAX_HEAD_CHARS = 300
_PREFIXES = ("", "functions.", "default_api.")
_PYTHON_NAMES = {"true": True, "false": False, "null": None}


def read_python_calls(text: str, names: Collection[str]) -> tuple[ToolCall, ...]:
    """`NAME(key="…")`, alone, in a list, in `print(…)` or line by line. Raises NotACall."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a query is no business of the person's.
            tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotACall("it cannot be read as a call") from error
    calls: list[ToolCall] = []
    for statement in tree.body:
        if not isinstance(statement, ast.Expr):
            raise NotACall("it is a program, not a call")
        value = statement.value
        listed = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        calls.extend(_python_call(node, names) for node in listed)
    if not calls:
        raise NotACall("it names no function")
    return tuple(calls)


def cannot_be_python_call(head: str, names: Collection[str]) -> bool:
    """Whether text that begins like this can no longer become a call in Python's form.

    Never taken back when more text comes.
    """
    rest = head[:MAX_HEAD_CHARS].lstrip().removeprefix("[").lstrip()
    rest = rest.removeprefix("print(").lstrip()
    found = _NAME.match(rest)
    name = found[0] if found else ""
    if name == rest:
        return not (may_become_name(name, names) or "print(".startswith(name))
    following = rest[len(name) :].lstrip()
    if name not in _written_names(names):
        return True
    return not (following.startswith("(") or "[ARGS]".startswith(following[:6]))


def may_become_name(head: str, names: Collection[str]) -> bool:
    """Whether a known tool's name begins like this."""
    return any(name.startswith(head) for name in _written_names(names))


def _written_names(names: Collection[str]) -> list[str]:
    return [prefix + known for prefix in _PREFIXES for known in names]


def _python_call(node: ast.expr, names: Collection[str]) -> ToolCall:
    if not isinstance(node, ast.Call):
        raise NotACall("it is no call")
    name = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
    if name == "print" and len(node.args) == 1 and not node.keywords:
        return _python_call(node.args[0], names)
    if any(keyword.arg is None for keyword in node.keywords) or (node.args and node.keywords):
        raise NotACall("its arguments have no names")
    if node.args:
        # Without names they cannot be told apart: the value itself, or a list of them.
        return check_call(name, _literal_of(node.args), names)
    arguments = {str(word.arg): _literal(word.value) for word in node.keywords}
    return check_call(name, arguments, names)


def _literal_of(nodes: Sequence[ast.expr]) -> object:
    values = [_literal(node) for node in nodes]
    return values[0] if len(values) == 1 else values


def _literal(node: ast.expr) -> object:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id not in _PYTHON_NAMES:
            raise NotACall("its arguments are no plain values")
    try:
        return ast.literal_eval(_Literals().visit(node))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise NotACall("its arguments are no plain values") from error


class _Literals(ast.NodeTransformer):
    """JSON's `true`, `false` and `null` among Python's literals."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_PYTHON_NAMES.get(node.id))
