"""Calls in JSON, whole or mended; and what every form of a written call has in common."""

import json
import re
from collections.abc import Collection

import json_repair

from websearch_agent.model_calls import ToolCall

# json_repair takes time in the square of the length on hostile text: 2 s for 8,000 characters of
# "{'a'" (measured November 2026), a sixteenth of it for this many.
MAX_REPAIR_CHARS = 2000
_MAX_DEPTH = 4
# A call names its tool within so many characters. Answers in JSON may begin with "id" or "type",
# too: they would be held back to their end.
MAX_CHARS_TO_NAME = 200

_NAMESPACES = ("functions.", "default_api.")
_NAME_KEYS = ("name", "function", "function_name", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args")
_FIRST_KEYS = (*_NAME_KEYS, *_ARGUMENT_KEYS, "type", "id", "tool_calls")
_BETWEEN_CALLS = re.compile(r"[\s;,]*")
_KEY = re.compile(r"(?P<quote>[\"'])(?P<key>\w*)(?P<closed>(?P=quote))?")
_NAME_VALUE = re.compile(r"\s*:\s*(?P<quote>[\"'])(?P<name>[^\"']{0,100})(?P=quote)")


class NotACall(ValueError):
    """The text is no call, or one that cannot be carried out; the message says why."""


def known_name(name: str, names: Collection[str]) -> str | None:
    """The tool that a model means by this name, None if there is no such tool."""
    name = name.strip()
    if name in names:
        return name
    for namespace in _NAMESPACES:
        if name.startswith(namespace) and name.removeprefix(namespace) in names:
            return name.removeprefix(namespace)
    return None


def repair_json(text: str) -> object:
    """The value that broken JSON was meant to be. Raises NotACall when nothing can be made of it.

    Only for text that is known to be a call or its arguments: prose would be repaired, too.
    """
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    if _ends_inside_a_string(text):
        raise NotACall("it was cut off before its end")
    if len(text) > MAX_REPAIR_CHARS:
        raise NotACall("the JSON is broken")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        raise NotACall("the JSON is broken") from error
    if value == "":
        raise NotACall("the JSON is broken")
    return value


def read_json_calls(
    text: str, names: Collection[str], *, may_repair: bool
) -> tuple[tuple[ToolCall, ...], str]:
    """One JSON value or several, and the text behind them. Raises NotACall."""
    decoder = json.JSONDecoder(strict=False)
    values: list[object] = []
    at = _skip(text, 0)
    try:
        while text[at : at + 1] in ("{", "["):
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            at = _skip(text, at)
    except (ValueError, RecursionError) as error:
        if not may_repair:
            raise NotACall("the JSON is broken") from error
        values, at = [repair_json(text)], len(text)
    calls = [call for value in values for call in _calls_of(value, names)]
    if not calls:
        raise NotACall("it names no function")
    # What is left of a repaired or closed text may be a bracket too many.
    return tuple(calls), text[at:].lstrip("]} \n")


def _skip(text: str, at: int) -> int:
    between = _BETWEEN_CALLS.match(text, at)
    return between.end() if between else at


def _ends_inside_a_string(text: str) -> bool:
    # The half of a query would be searched as if it were the whole.
    escaped_removed = re.sub(r"\\.", "", text, flags=re.S)
    return escaped_removed.count('"') % 2 == 1 and not re.search(r"[\]}]\s*\Z", text)


def _calls_of(value: object, names: Collection[str], depth: int = 0) -> list[ToolCall]:
    if depth > _MAX_DEPTH:
        raise NotACall("it is nested too deeply")
    if isinstance(value, list):
        return [call for item in value for call in _calls_of(item, names, depth + 1)]
    if not isinstance(value, dict):
        raise NotACall("it is no JSON object with name and arguments")
    for key in ("tool_calls", "function"):
        if isinstance(value.get(key), list | dict):
            return _calls_of(value[key], names, depth + 1)
    return [_call_of(value, names)]


def _call_of(value: dict[str, object], names: Collection[str]) -> ToolCall:
    name = next((v for key in _NAME_KEYS if isinstance(v := value.get(key), str)), "")
    tool = known_name(name, names)
    if tool is None:
        raise NotACall(unknown_function(name, names))
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if key is None:
        raise NotACall("the arguments are missing")
    arguments = value[key]
    if isinstance(arguments, dict) and _is_schema(arguments):
        raise NotACall("that is the function's description, not a call of it")
    return ToolCall("", tool, arguments_json(arguments))


def _is_schema(arguments: dict[str, object]) -> bool:
    return isinstance(arguments.get("properties"), dict) and isinstance(arguments.get("type"), str)


def check_call(name: str, arguments: object, names: Collection[str]) -> ToolCall:
    """A call of a known tool with whatever arguments. Raises NotACall."""
    tool = known_name(name, names)
    if tool is None:
        raise NotACall(unknown_function(name, names))
    return ToolCall("", tool, arguments_json(arguments))


def arguments_json(arguments: object) -> str:
    """Arguments as JSON text, whether they came as a value or as JSON in a string."""
    if isinstance(arguments, str):
        try:
            value = json.loads(arguments, strict=False)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict | list):
            return arguments
        if arguments.lstrip().startswith(("{", "[")):
            arguments = repair_json(arguments)
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotACall("the arguments are no JSON") from error


def unknown_function(name: str, names: Collection[str]) -> str:
    """What is wrong with a call of a function that does not exist."""
    shown = name.strip()[:60]
    known = ", ".join(sorted(names))
    return f"there is no function {shown!r}, only {known}" if shown else "it names no function"


def cannot_be_json_call(head: str, names: Collection[str]) -> bool:
    """Whether text that begins like this can no longer become a call in JSON.

    Never taken back when more text comes.
    """
    rest = head.lstrip()
    begun = rest[:MAX_CHARS_TO_NAME]
    if len(begun) == MAX_CHARS_TO_NAME and not any(name in begun for name in names):
        return True
    if rest.startswith("["):
        rest = rest[1:].lstrip()
    if not rest:
        return False
    rest = rest[1:].lstrip() if rest[0] == "{" else "no object"
    if not rest:
        return False
    key = _KEY.match(rest)
    if key is None:
        return True
    if not key["closed"]:
        whole = key.end() == len(rest)
        return not (whole and any(known.startswith(key["key"]) for known in _FIRST_KEYS))
    if key["key"] not in _FIRST_KEYS:
        return True
    value = _NAME_VALUE.match(rest, key.end()) if key["key"] in _NAME_KEYS else None
    return value is not None and known_name(value["name"], names) is None


def names_a_tool_first(text: str, names: Collection[str]) -> bool:
    """Whether a JSON text begins with the name of a known tool: then it is meant as a call."""
    opened = re.match(r"\s*\[?\s*\{\s*", text)
    key = _KEY.match(text, opened.end()) if opened else None
    if key is None or not key["closed"] or key["key"] not in _NAME_KEYS:
        return False
    value = _NAME_VALUE.match(text, key.end())
    return value is not None and known_name(value["name"], names) is not None
