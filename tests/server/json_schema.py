"""As much of JSON Schema as the schema of an answer uses; any other word is an error."""

import re
from typing import Any

_NOTES = {"$schema", "$defs", "title", "description"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """Where the value is not as the schema says; empty if it is."""
    if "type" in schema and (found := _check("type", schema["type"], value, root, at)):
        return found
    found = []
    for word, wanted in schema.items():
        if word in _NOTES:
            continue
        found += _check(word, wanted, value, root, at)
    return found


def _check(word: str, wanted: Any, value: Any, root: dict[str, Any], at: str) -> list[str]:
    match word:
        case "$ref":
            return violations(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, at)
        case "type":
            is_right = isinstance(value, _TYPES[wanted])
            is_right = is_right and (wanted == "boolean" or not isinstance(value, bool))
            return [] if is_right else [f"{at}: {value!r} is no {wanted}"]
        case "const":
            return [] if value == wanted else [f"{at}: {value!r} is not {wanted!r}"]
        case "pattern":
            return [] if re.search(wanted, value) else [f"{at}: {value!r} is not like {wanted!r}"]
        case "enum":
            return [] if value in wanted else [f"{at}: {value!r} is none of {wanted}"]
        case "anyOf":
            if any(not violations(value, one, root, at) for one in wanted):
                return []
            return [f"{at}: {value!r} fits nothing of {wanted}"]
        case "required":
            return [f"{at}.{name} is missing" for name in wanted if name not in value]
        case "items":
            pairs = enumerate(value)
            return [v for i, item in pairs for v in violations(item, wanted, root, f"{at}[{i}]")]
        case "properties":
            known = {name: part for name, part in wanted.items() if name in value}
            unknown = [f"{at}.{name} is not described" for name in value if name not in wanted]
            pairs = [violations(value[n], part, root, f"{at}.{n}") for n, part in known.items()]
            return unknown + [one for each in pairs for one in each]
        case "additionalProperties":
            each = [violations(v, wanted, root, f"{at}.{n}") for n, v in value.items()]
            return [one for found in each for one in found]
    raise AssertionError(f"the schema uses {word!r}, which is not checked here")
