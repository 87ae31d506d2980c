"""Reads calls that a model wrote as text, marked by special tags.

Each reader takes the text of one candidate and the known tool names; it returns the calls, or
raises NotACall.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from websearch_agent.model_calls import ToolCall
from websearch_agent.models.dialects.call_json import (
    NotACall,
    check_call,
    known_name,
    read_json_calls,
    repair_json,
)
from websearch_agent.models.dialects.call_python import read_python_calls

_NAMED = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[CALL_ID\]\w*)?(?:\[ARGS\])?\s*(?=\{)")
_FUNCTION_TAG = re.compile(r"<function=([^>\s]+)\s*>(.*?)(?=</function>|<function=|\Z)", re.S)
_PARAMETER = re.compile(
    r"<parameter=([^>\s]+)\s*>(.*?)(?=</parameter>|<parameter=|</function>|\Z)", re.S
)
_ARGUMENT_PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.S)
_JSON_VALUE = re.compile(r"[\[{].*|-?\d+(?:\.\d+)?|true|false|null|True|False|None", re.S)
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_FENCE_OPENED = re.compile(r"```\w*")


@dataclass(frozen=True, slots=True)
class BrokenCall:
    """A call by its marks that cannot be carried out. `problem` tells the model why."""

    text: str
    problem: str


def read_calls(
    text: str, names: Collection[str], *, closed: bool, cut: bool
) -> tuple[tuple[ToolCall, ...], str]:
    """The calls of a marked text, and what stands behind them. Raises NotACall.

    `closed`: the end mark was there. `cut`: the reply was cut at its most tokens, so that a call
    without an end is not to be completed.
    """
    body = without_fence(text)
    if cut and not closed and "</function>" not in body:
        return _read_strictly(body, names)
    if "<function=" in body:
        return read_function_tags(body, names), ""
    if "<arg_key>" in body:
        return (_read_argument_pairs(body, names),), ""
    if body[:1] in ("{", "["):
        try:
            return read_json_calls(body, names, may_repair=True)
        except NotACall:
            if body[:1] == "[":
                return read_python_calls(body, names), ""
            raise
    if known_name(body, names):
        return (check_call(body, {}, names),), ""
    if _NAMED.match(body):
        return read_named_json(body, names), ""
    return read_python_calls(body, names), ""


def without_fence(text: str) -> str:
    """The text inside a code fence, if it is one, without white space round it."""
    text = text.strip()
    opened = _FENCE_OPENED.match(text)
    return text[opened.end() :].removesuffix("```").strip() if opened else text


def _read_strictly(body: str, names: Collection[str]) -> tuple[tuple[ToolCall, ...], str]:
    try:
        return read_json_calls(body, names, may_repair=False)
    except NotACall as error:
        raise NotACall("it was cut off before its end") from error


def read_named_json(text: str, names: Collection[str]) -> tuple[ToolCall, ...]:
    """`NAME{…}` and `NAME[ARGS]{…}`. Raises NotACall."""
    named = _NAMED.match(text)
    if named is None:
        raise NotACall("it names no function")
    return (check_call(named["name"], repair_json(text[named.end() :].strip()), names),)


def read_function_tags(text: str, names: Collection[str]) -> tuple[ToolCall, ...]:
    """`<function=NAME>{…}</function>` or with `<parameter=KEY>…</parameter>`. Raises NotACall."""
    calls = []
    for name, body in _FUNCTION_TAG.findall(text):
        parameters = _PARAMETER.findall(body)
        if parameters or not body.strip():
            arguments: object = _typed(parameters, name, names)
        else:
            arguments = repair_json(body.strip())
        calls.append(check_call(name, arguments, names))
    if not calls:
        raise NotACall("it was cut off before its end")
    return tuple(calls)


def _read_argument_pairs(text: str, names: Collection[str]) -> ToolCall:
    """GLM's form: the name, then `<arg_key>` and `<arg_value>` by turns."""
    name = text.split("<arg_key>", 1)[0]
    pairs = [(key.strip(), value) for key, value in _ARGUMENT_PAIR.findall(text)]
    return check_call(name, _typed(pairs, name, names), names)


def _typed(
    pairs: Sequence[tuple[str, str]], name: str, names: Collection[str]
) -> dict[str, object]:
    """Values that were written without quotes, of the types that the tool's schema tells."""
    kinds: dict[str, object] | None = None
    tool = known_name(name, names)
    if isinstance(names, Mapping) and tool is not None:
        properties = names[tool].get("properties")
        kinds = {key: value.get("type", "string") for key, value in (properties or {}).items()}
    typed: dict[str, object] = {}
    for key, value in pairs:
        text = value.removeprefix("\n").removesuffix("\n")
        # Without a schema, what reads as JSON is taken as JSON: 2014 is a number then.
        is_text = kinds is not None and kinds.get(key, "string") == "string"
        typed[key] = _structure(text) if is_text else _json_or_text(text)
    return typed


def _structure(text: str) -> object:
    """A list or an object may stand where text is expected; a number is text there."""
    return _json_or_text(text) if text.lstrip()[:1] in ("{", "[") else text


def _json_or_text(text: str) -> object:
    if not _JSON_VALUE.fullmatch(text.strip()):
        return text
    try:
        return repair_json(_PYTHON_WORDS.get(text.strip(), text))
    except NotACall:
        return text
