"""A JSON schema as a grammar that allows no free white space.

The runtime's own schema mode does: at temperature 0 the model wrote line breaks and blanks until
its tokens were used up (seen 2026-11, a Chinese prompt). And a schema that the runtime does not
understand stops every running reply; here it is refused before.
"""

import json
from collections.abc import Mapping

from websearch_agent.errors import ModelRejectedRequest

SCALARS = {
    "boolean": '("true" | "false")',
    "null": '"null"',
    "integer": "integer",
    "number": 'integer ("." [0-9]{1,15})?',
}
SHARED_RULES = (
    'integer ::= "-"? ("0" | [1-9] [0-9]{0,14})',
    r'char ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]',
    "four ::= char char char char",
)
# Notes for the reader, and what this grammar does anyway: every property, no other one.
IGNORED = {"title", "description", "default", "examples", "$schema", "required"}
KEYWORDS = {
    "object": {"properties", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
}


def build_json_grammar(schema: Mapping[str, object]) -> str:
    """EBNF of all replies that fit; properties come in the schema's order, all of them.

    Raises ModelRejectedRequest for a keyword that is not known here.
    """
    return "\n".join((f"root ::= {_rule(schema)}", *SHARED_RULES)) + "\n"


def _rule(schema: object) -> str:
    if not isinstance(schema, Mapping):
        raise _refusal(f"{schema!r} is no schema")
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        return "(" + " | ".join(_literal(json.dumps(v, ensure_ascii=False)) for v in values) + ")"
    kind = schema.get("type")
    unknown = set(schema) - IGNORED - {"type"} - KEYWORDS.get(str(kind), set())
    if unknown:
        raise _refusal(f"{', '.join(sorted(unknown))} with type {kind}")
    if kind == "object":
        return _object_rule(schema)
    if kind == "array":
        return _array_rule(schema)
    if kind == "string":
        return _string_rule(_number(schema, "minLength") or 0, _number(schema, "maxLength"))
    if kind in SCALARS:
        return SCALARS[str(kind)]
    raise _refusal(f"type {kind}")


def _string_rule(least: int, most: int | None) -> str:
    """Counted in fours: `char{0,80}` took 2 to 7 s to compile, this takes none (2026-11)."""
    if most is None or most - least < 4:
        return rf'"\"" char{_repeat(least, most)} "\""'
    fours, rest = divmod(most - least - 3, 4)
    head = f"char{{{least}}} " if least else ""
    return rf'"\"" {head}four{{0,{fours}}} char{{0,{rest + 3}}} "\""'


def _object_rule(schema: Mapping[str, object]) -> str:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not properties:
        raise _refusal("an object without properties")
    parts = [
        f"{_literal(json.dumps(name, ensure_ascii=False) + ': ')} {_rule(value)}"
        for name, value in properties.items()
    ]
    return '"{" ' + ' ", " '.join(parts) + ' "}"'


def _array_rule(schema: Mapping[str, object]) -> str:
    item = f"({_rule(schema.get('items'))})"
    least = _number(schema, "minItems") or 0
    most = _number(schema, "maxItems")
    if most == 0:
        return '"[]"'
    more = _repeat(max(least - 1, 0), None if most is None else most - 1)
    items = f'{item} (", " {item}){more}'
    return f'"[" {items} "]"' if least else f'"[" ({items})? "]"'


def _number(schema: Mapping[str, object], keyword: str) -> int | None:
    value = schema.get(keyword)
    if value is None or (isinstance(value, int) and value >= 0):
        return value
    raise _refusal(f"{keyword} {value!r}")


def _repeat(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _refusal(what: str) -> ModelRejectedRequest:
    return ModelRejectedRequest(f"The embedded model cannot follow this JSON schema: {what}.")
