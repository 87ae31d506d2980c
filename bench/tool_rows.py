"""Whether calls in every written form come back as they were meant, and none is invented.

    python bench/tool_rows.py ../shared/data/decision/generic_tools.jsonl.gz

Each row has its own tools. For rows whose label is a call, a made-up call of one of the row's
tools is written in every form, cut into random chunks (seeded), and read by `CallStream`; and as
OpenAI tool calls by `models.reply_stream.read_reply`. For the other rows, answers that quote names,
schemas and calls are read, and answers that mention the marks of calls in prose, unquoted, alone
or round a call of an unknown tool: nothing may be taken for a call, and no character may be lost.
Printed: one line of JSON with [right, all] for each source and form.
"""

import asyncio
import gzip
import json
import keyword
import random
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from httpx_sse import ServerSentEvent

from websearch_agent.model_calls import ModelFinished
from websearch_agent.models.dialects.call_forms import CALL_FORMS
from websearch_agent.models.dialects.call_stream import CallStream
from websearch_agent.models.http_errors import Asked
from websearch_agent.models.reply_stream import read_reply

CALL_LABELS = ("call", "tool_call")
Row = dict[str, Any]
Arguments = dict[str, Any]
Form = Callable[[str, Arguments], str]

TEXTS = (
    "plain words",
    'she said "yes" and left',
    "it's a test, isn't it?",
    "f(x) = {x: [1, 2]} and more",
    "北京今天的天气；“引号”",
    "two\nlines",
    "a <b>bold</b> \\ backslash, 50 % – done",
)


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("usage: python bench/tool_rows.py FILE.jsonl.gz   (the rows are not there)")
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    failures: list[str] = []
    for number, row in enumerate(rows):
        check = check_call if row["label"] in CALL_LABELS else check_answers
        for form, right in check(row, random.Random(number)).items():
            counts[row["src"]][form][0] += right
            counts[row["src"]][form][1] += 1
            if not right:
                failures.append(f"{row['id']} {form}")
    print(json.dumps({"rows": len(rows), "counts": counts, "failed": failures[:40]}))
    sys.exit(1 if failures else 0)


def check_call(row: Row, rng: random.Random) -> dict[str, bool]:
    """For each form, whether the row's made-up call came back equal and alone."""
    tools = {tool["name"]: tool.get("parameters") or {} for tool in row["tools"]}
    tool = rng.choice(row["tools"])
    arguments = made_arguments(tool.get("parameters") or {}, rng)
    meant = (tool["name"], arguments)
    results: dict[str, bool] = {}
    for name, form in FORMS.items():
        if name.startswith("python") and not can_be_python(meant):
            continue
        said, calls, broken = read_chunks(form(*meant), tools, rng)
        results[name] = calls == [meant] and not said.strip() and broken == 0
    results["openai deltas"] = asyncio.run(read_openai(meant, rng)) == [meant]
    return results


def check_answers(row: Row, rng: random.Random) -> dict[str, bool]:
    """For each kind of answer, whether it came through whole and without a call."""
    tools = {tool["name"]: tool.get("parameters") or {} for tool in row["tools"]}
    tool = rng.choice(row["tools"]) if row["tools"] else {"name": "none", "parameters": {}}
    arguments = made_arguments(tool.get("parameters") or {}, rng)
    return {
        kind: read_chunks(text, tools, rng) == (text, [], 0)
        for kind, text in (answers(tool, arguments) | answers_with_marks(tool, arguments)).items()
    }


def read_chunks(
    text: str, tools: Row, rng: random.Random
) -> tuple[str, list[tuple[str, Any]], int]:
    stream, said, at = CallStream(tools), "", 0
    while at < len(text):
        size = rng.randint(1, 30)
        said += stream.feed(text[at : at + size])
        at += size
    rest, calls = stream.finish()
    found = [(call.name, json.loads(call.arguments)) for call in calls]
    return said + rest, found, len(stream.broken)


# ---- made-up arguments ---------------------------------------------------------------------


def made_arguments(schema: Row, rng: random.Random) -> Arguments:
    """Values for all required parameters and some of the others."""
    required = schema.get("required") or []
    return {
        key: made_value(value, rng)
        for key, value in (schema.get("properties") or {}).items()
        if key in required or rng.random() < 0.5
    }


def made_value(schema: Row, rng: random.Random) -> Any:
    kind = schema.get("type", "string")
    if schema.get("enum"):
        value = rng.choice(schema["enum"])
        # One row says integer and lists texts: its numbers are meant.
        return int(value) if kind == "integer" else value
    if kind == "integer":
        return rng.randint(-5, 5000)
    if kind in ("float", "number"):
        return round(rng.uniform(-10, 10), 3)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("array", "tuple"):
        return [made_value(schema.get("items") or {}, rng) for _ in range(rng.randint(1, 3))]
    if kind in ("dict", "object"):
        return made_arguments(schema, rng) or {"key": "value"}
    return rng.choice(TEXTS)


# ---- the forms -----------------------------------------------------------------------------


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def named(name: str, arguments: Arguments, key: str = "arguments") -> str:
    return dumped({"name": name, key: arguments})


def bare(value: Any) -> str:
    return value if isinstance(value, str) else dumped(value)


def python_call(name: str, arguments: Arguments) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def can_be_python(call: tuple[str, Arguments]) -> bool:
    """Whether name and parameters can be written in Python."""
    words = [*call[0].split("."), *call[1]]
    return all(word.isidentifier() and not keyword.iskeyword(word) for word in words)


def qwen_xml(name: str, arguments: Arguments) -> str:
    parts = "".join(
        f"<parameter={key}>\n{bare(value)}\n</parameter>\n" for key, value in arguments.items()
    )
    return f"<tool_call>\n<function={name}>\n{parts}</function>\n</tool_call>"


def glm(name: str, arguments: Arguments) -> str:
    parts = "".join(
        f"<arg_key>{key}</arg_key>\n<arg_value>{bare(value)}</arg_value>\n"
        for key, value in arguments.items()
    )
    return f"<tool_call>{name}\n{parts}</tool_call>"


DEEPSEEK = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
)
FORMS: dict[str, Form] = {
    "megrez": lambda n, a: f"<|function_start|>{named(n, a)}<|function_end|>",
    "megrez stopped": lambda n, a: f"<|function_start|>{named(n, a)}",
    "hermes": lambda n, a: f"<tool_call>\n{named(n, a)}\n</tool_call>",
    "hermes unclosed": lambda n, a: f"<tool_call>\n{named(n, a)}",
    "qwen xml": qwen_xml,
    "glm": glm,
    "llama function": lambda n, a: f"<function={n}>{dumped(a)}</function>",
    "python tag": lambda n, a: f"<|python_tag|>{named(n, a, 'parameters')}",
    "bare json": named,
    "bare parameters": lambda n, a: named(n, a, "parameters"),
    "bare function": lambda n, a: dumped({"function": {"name": n, "arguments": dumped(a)}}),
    "json fence": lambda n, a: f"```json\n{named(n, a)}\n```",
    "plain fence of a list": lambda n, a: f"```\n[{named(n, a)}]\n```",
    "tool_call fence": lambda n, a: f"```tool_call\n{named(n, a)}\n```",
    "python fence": lambda n, a: f"```tool_code\n{python_call(n, a)}\n```",
    "mistral list": lambda n, a: f"[TOOL_CALLS][{named(n, a)}]",
    "mistral name": lambda n, a: f"[TOOL_CALLS]{n}{dumped(a)}",
    "mistral args": lambda n, a: f"{n}[ARGS]{dumped(a)}",
    "python": python_call,
    "python list": lambda n, a: f"[{python_call(n, a)}]",
    "harmony": lambda n, a: (
        f"<|channel|>commentary to=functions.{n} <|constrain|>json<|message|>{dumped(a)}<|call|>"
    ),
    "deepseek": lambda n, a: (
        f"{DEEPSEEK[0]}function<｜tool▁sep｜>{n}\n```json\n{dumped(a)}\n```{DEEPSEEK[1]}"
    ),
    "deepseek 3.1": lambda n, a: f"{DEEPSEEK[0]}{n}<｜tool▁sep｜>{dumped(a)}{DEEPSEEK[1]}",
}


def answers(tool: Row, arguments: Arguments) -> dict[str, str]:
    """Answers that look a little like calls."""
    name, call = tool["name"], named(tool["name"], arguments)
    schema = json.dumps(tool, indent=2, ensure_ascii=False)
    other = named("another_function", arguments)
    return {
        "prose": "I cannot tell. Which city do you mean, [Paris](https://x.org) or Rome [1]?",
        "name first": f"{name} would be the function for that, but it lacks what you ask for.",
        "name in prose": f"There is `{name}` (see {name}), which does not help here.",
        "signature first": f"{name}(…) takes other values, so it cannot be used.",
        "schema in a fence": f"This is the function:\n\n```json\n{schema}\n```\n",
        "schema fence alone": f"```json\n{schema}\n```",
        "schema alone": schema,
        "openai schema": dumped({"type": "function", "function": tool}),
        "call in prose": f"One would write {call} to call it. I did not.",
        "call in inline code": f"One would write `{call}`.",
        "example fence in prose": f"For example:\n\n```json\n{call}\n```\n\nBut it does not fit.",
        "python program": f"```python\nimport x\nprint({python_call(name, arguments)})\n```",
        "json data": '{"temperature": 20, "unit": "C"}',
        "data with a name": '{"name": "Ada Lovelace", "arguments": {"born": 1815}}',
        "other function": other,
        "other function in a fence": f"```json\n{other}\n```",
        "other function in python": 'another_function(city="Rome")',
        "tag in prose": "The <tool_call> tag begins a call; so do `<tool_call>` and [TOOLS].",
        "list of references": "[1] A book. [2] A paper.\n[a, b] = [1, 2]",
        "html": "<function>f</function> <tools> <b>x</b> 1 < 2 <|endof",
    }


EXPLANATION = (
    "A call names a function and its arguments. The program that runs the model reads the call, "
    "runs the function and hands the result back."
)


def answers_with_marks(tool: Row, arguments: Arguments) -> dict[str, str]:
    """Answers about calls: with every mark in prose, alone, round an unknown tool, and broken."""
    call = named(tool["name"], arguments)
    openers = [form.opener for form in CALL_FORMS]
    texts = {
        "tag in a code block": f"{EXPLANATION}\n\n```xml\n<tool_call>\n{call}\n</tool_call>\n```\n",
        "tag in inline code": f"One would write `<tool_call>{call}</tool_call>` for that.",
        "example fence at the end": f"{EXPLANATION}\n\n```json\n{call}\n```",
        "labelled fence at the end": f"{EXPLANATION}\n\n```tool_call\n{call}\n```\n",
        "all marks": f"The marks are {', '.join(openers)}. That is all.",
        "all marks in Chinese": f"标记有{'、'.join(openers)}等。就这些。",
        "json that begins like a call": dumped({"id": 1, "type": "x", "args": EXPLANATION * 2}),
    }
    for mark in openers:
        texts[f"{mark} in prose"] = f"The model writes {mark} and then a list. I did not."
        texts[f"{mark} first"] = f"{mark} is a mark, and so on."
        texts[f"{mark} before JSON"] = f'It writes {mark}{{"city": "Rome"}} then. I did not.'
        texts[f"{mark} broken"] = f"It writes {mark}{call[: len(call) // 2].split(':')[0]}"
    for kind, write in FORMS.items():
        unknown = write("another_function", arguments)
        texts[f"{kind} of an unknown tool"] = f"For that it writes {unknown} and waits. So it is."
    return texts


# ---- OpenAI tool calls ---------------------------------------------------------------------


async def read_openai(call: tuple[str, Arguments], rng: random.Random) -> list[tuple[str, Any]]:
    """The call as a server streams it: the name first, the arguments in pieces."""
    async for delta in read_reply(openai_events(call, rng), Asked("http://mock/v1")):
        if isinstance(delta, ModelFinished):
            return [(found.name, json.loads(found.arguments)) for found in delta.tool_calls]
    return []


async def openai_events(
    call: tuple[str, Arguments], rng: random.Random
) -> AsyncGenerator[ServerSentEvent, None]:
    def event(delta: Row, reason: str | None = None) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return ServerSentEvent(data=json.dumps({"choices": [choice]}))

    head = {"index": 0, "id": "c1", "function": {"name": call[0], "arguments": ""}}
    yield event({"tool_calls": [head]})
    text, at = dumped(call[1]), 0
    while at < len(text):
        size = rng.randint(1, 30)
        piece = {"index": 0, "function": {"arguments": text[at : at + size]}}
        yield event({"tool_calls": [piece]})
        at += size
    yield event({}, "tool_calls")
    yield ServerSentEvent(data="[DONE]")


if __name__ == "__main__":
    main()
