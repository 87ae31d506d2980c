import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.models.dialects.call_forms import CALL_FORMS
from websearch_agent.models.dialects.call_stream import MAX_HELD_CHARS, CallStream
from websearch_agent.models.dialects.written_calls import BrokenCall

NAMES = ("search_web", "lookup.word")
ARGUMENTS = {"queries": ["tide in Brest", "今天的新闻"]}
JSON = json.dumps(ARGUMENTS, ensure_ascii=False)
CALL = f'{{"name": "search_web", "arguments": {JSON}}}'
PYTHON = 'search_web(queries=["tide in Brest", "今天的新闻"])'

LONG_PROSE = (
    "A tool call is a JSON object that names a function and its arguments. "
    "The program reads it and runs the function."
)

FORMS = {
    "megrez": f"<|function_start|>{CALL}<|function_end|>",
    "megrez stopped": f"<|function_start|>{CALL}",
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes unclosed": f"<tool_call>\n{CALL}",
    "hermes in a fence": f"```xml\n<tool_call>{CALL}</tool_call>\n```",
    "qwen tools": f"<tools>{CALL}</tools>",
    "qwen xml": "<tool_call>\n<function=search_web>\n<parameter=queries>\n"
    f"{json.dumps(ARGUMENTS['queries'])}\n</parameter>\n</function>\n</tool_call>",
    "llama function": f"<function=search_web>{JSON}</function>",
    "python tag": f"<|python_tag|>{CALL}",
    "parameters": f'{{"type": "function", "name": "search_web", "parameters": {JSON}}}',
    "bare": CALL,
    "bare list": f"[{CALL}]",
    "arguments first": f'{{"arguments": {JSON}, "name": "functions.search_web"}}',
    "openai": f'{{"function": {{"name": "search_web", "arguments": {json.dumps(JSON)}}}}}',
    "tool_calls": f'{{"tool_calls": [{{"function": {CALL}}}]}}',
    "json fence": f"```json\n{CALL}\n```",
    "plain fence": f"```\n[{CALL}]\n```",
    "tool_call fence": f"```tool_call\n{CALL}\n```",
    "tool_code fence": f"```tool_code\nprint(default_api.{PYTHON})\n```",
    "fence behind words": f"I will look that up:\n\n```json\n{CALL}\n```\n",
    "mistral list": f"[TOOL_CALLS][{CALL}]",
    "mistral name": f"[TOOL_CALLS]search_web{JSON}",
    "mistral args": f"[TOOL_CALLS]search_web[ARGS]{JSON}",
    "bare args": f"search_web[ARGS]{JSON}",
    "python": PYTHON,
    "python list": f"[{PYTHON}]",
    "harmony": "<|start|>assistant<|channel|>commentary to=functions.search_web "
    f"<|constrain|>json<|message|>{JSON}<|call|>",
    "harmony channel": f"<|channel|>commentary to=functions.search_web json<|message|>{JSON}",
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>search_web\n"
    f"```json\n{JSON}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek 3.1": f"<｜tool▁call▁begin｜>search_web<｜tool▁sep｜>{JSON}<｜tool▁call▁end｜>",
    "glm": "<tool_call>search_web\n<arg_key>queries</arg_key>\n"
    f"<arg_value>{json.dumps(ARGUMENTS['queries'])}</arg_value>\n</tool_call>",
    "single quotes": "<tool_call>{'name': 'search_web', 'arguments': "
    "{'queries': ['tide in Brest', '今天的新闻',],}}</tool_call>",
    "bracket missing": f"<tool_call>{CALL[:-1]}</tool_call>",
}


def read(text: str, *, chunk_chars: int = 5, cut: bool = False) -> tuple[str, list[object], int]:
    stream = CallStream(NAMES)
    out = "".join(stream.feed(text[i : i + chunk_chars]) for i in range(0, len(text), chunk_chars))
    rest, calls = stream.finish(cut=cut)
    return (
        out + rest,
        [(call.name, json.loads(call.arguments)) for call in calls],
        len(stream.broken),
    )


@pytest.mark.parametrize("form", FORMS)
def test_call_is_read_in_every_form(form: str) -> None:
    text, calls, broken = read(FORMS[form])
    assert calls == [("search_web", ARGUMENTS)]
    assert broken == 0
    assert "search_web" not in text


def test_schema_tells_numbers_from_text_where_there_are_no_quotes() -> None:
    text = "<function=find><parameter=year>2014</parameter><parameter=n>3</parameter></function>"
    properties = {"year": {"type": "string"}, "n": {"type": "integer"}}
    stream = CallStream({"find": {"type": "object", "properties": properties}})
    stream.feed(text)
    (call,) = stream.finish()[1]
    assert json.loads(call.arguments) == {"year": "2014", "n": 3}


def test_call_without_any_tool_is_broken() -> None:
    stream = CallStream({})
    stream.feed(FORMS["qwen xml"])
    assert (stream.finish(), len(stream.broken)) == (("", ()), 1)


def test_several_calls_keep_their_order_and_get_their_own_ids() -> None:
    stream = CallStream(NAMES)
    second = '{"name": "lookup.word", "arguments": {"word": "ebb"}}'
    stream.feed(f"<tool_call>{CALL}</tool_call>\n<tool_call>{second}</tool_call>")
    text, calls = stream.finish()
    assert [(call.id, call.name) for call in calls] == [
        ("written_1", "search_web"),
        ("written_2", "lookup.word"),
    ]
    assert text == ""


@pytest.mark.parametrize(
    "text",
    [
        "A plain answer [1][citation:2]. 1 < 2, a[0] and `x`.",
        f"A call looks like this: {CALL}. That is all.",
        f"For example:\n\n```json\n{CALL}\n```\n\nSuch a fence is only an example.",
        '```json\n{"key": "value"}\n```',
        '{"answer": 42}',
        '{"name": "Brest", "arguments": {}}',
        '{"name": "get_weather", "arguments": {"city": "Brest"}}',
        '```\n{"name": "search_web", "description": "d", "parameters": '
        '{"type": "object", "properties": {}}}\n```',
        "search_web is the name of a function.",
        "search_web(queries) takes a list.",
        "```python\nsearch_web(queries=['a'])\n```",
        "[1] says so. [2] does not.",
        "[search_web] is a name.",
        "search_web(queries=open('/etc/passwd').read())",
        "The <tool_call> tag begins a call, `</tool_call>` ends it.",
        'Write `<tool_call>{"name": "get_weather"}</tool_call>` for that.',
        "```xml\n<tool_call>{...}</tool_call>\n```\nThat is the form.",
        "<b>bold</b> <function> [TOOLS] <|im",
        "<tools> <b>x</b> </tools>",
        "Mistral marks calls with [TOOL_CALLS] and then a JSON list. Three more sentences follow.",
        'Qwen writes <tool_call>{"name":"get_weather","arguments":{}}</tool_call> for that. So.',
        "Llama begins with <|python_tag|>, Megrez with <|function_start|>. That is all.",
        'Llama writes <|python_tag|>brave_search.call(query="a") for that.',
        "<function=foo> is how a call begins.",
        "[TOOL_CALLS] is Mistral's mark, <|python_tag|> is Llama's.",
        "<|function_start|>today's news",
        "GPT-OSS writes <|start|>assistant to=functions.foo<|message|>{} and so on.",
        "GPT-OSS writes <|channel|>commentary to=functions.search_web and so on.",
        "DeepSeek writes <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>foo\n{}.",
        'So: <tool_call>{"name": "search_web", "arguments": {"queries": ["tide in Br',
        f"One writes `<tool_call>{CALL}</tool_call>` for that.",
        f"One writes `[TOOL_CALLS][{CALL}]` for that.",
        f"Here is how this assistant's call looks:\n\n```json\n{CALL}\n```",
        f"{LONG_PROSE}\n\n```json\n{CALL}\n```\n",
        f"{LONG_PROSE}\n\n```tool_call\n{CALL}\n```\n",
        f"{LONG_PROSE}\n\n```xml\n<tool_call>\n{CALL}\n</tool_call>\n```\n",
        f"So:\n\n```xml\n<tool_call>{CALL}</tool_call>\n```\nThat is the form.",
        f"I will search:\n```tool_call\n{CALL[:-9]}",
        "",
        "   \n",
    ],
)
def test_what_is_no_call_stays_in_the_answer(text: str) -> None:
    assert read(text) == (text, [], 0)


def test_calls_between_words_leave_the_words() -> None:
    text, calls, _ = read(f"Let me look. <tool_call>{CALL}</tool_call> Done.")
    assert text == "Let me look.  Done."
    assert calls == [("search_web", ARGUMENTS)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>', "get_weather"),
        ("<tool_call>{{{</tool_call>", "no function"),
        ('<|function_start|>{"name": "search_web"}<|function_end|>', "arguments are missing"),
        ("<tool_call></tool_call>", "no function"),
        ('{"name": "search_web", "arguments": {"queries": ["tide in Br', "cut off"),
        ('<|python_tag|>{"name": "search_web", "arguments": {"queries": ["tide', "cut off"),
    ],
)
def test_broken_call_is_never_shown(text: str, said: str) -> None:
    stream = CallStream(NAMES)
    assert stream.feed(text) == ""
    assert stream.finish() == ("", ())
    (broken,) = stream.broken
    assert isinstance(broken, BrokenCall)
    assert said in broken.problem


@pytest.mark.parametrize(
    "text", [f"<tool_call>{CALL[:-3]}", CALL[:-2], f"```json\n{CALL[:-1]}", FORMS["qwen xml"][:60]]
)
def test_call_of_a_cut_reply_is_not_completed(text: str) -> None:
    assert read(text, cut=True) == ("", [], 1)


def test_whole_call_of_a_cut_reply_is_taken() -> None:
    assert read(f"<tool_call>{CALL}", cut=True)[1] == [("search_web", ARGUMENTS)]


@pytest.mark.parametrize(
    ("text", "at_once"),
    [
        ("Hello there, no call.", "Hello there, no call."),
        ('{"temperature": ', '{"temperature": '),
        ("```python\nprint(", "```python\nprint("),
        ("[1] says", "[1] says"),
        ('So:\n```json\n{"a": ', 'So:\n```json\n{"a": '),
        ("a <b", "a <b"),
        ("A mark is [TOOL_CALLS] and", "A mark is [TOOL_CALLS] and"),
        ('So <tool_call>{"name": "foo"', 'So <tool_call>{"name": "foo"'),
        ("<|python_tag|> is a mark", "<|python_tag|> is a mark"),
        ('{"id": 1, "type": "' + 200 * "a", '{"id": 1, "type": "' + 200 * "a"),
        ('```json\n[{"args": ["' + 200 * "a", '```json\n[{"args": ["' + 200 * "a"),
        (f"{LONG_PROSE}\n```json\n{CALL}", f"{LONG_PROSE}\n```json\n{CALL}"),
    ],
)
def test_ordinary_text_is_not_held_back(text: str, at_once: str) -> None:
    assert CallStream(NAMES).feed(text) == at_once


PIECES = st.sampled_from(
    [
        *FORMS.values(),
        *(
            "<tool_call>",
            "</tool_call>",
            "```json\n",
            "```\n",
            "\n",
            "```",
            "`",
            "{",
            "}",
            "[",
            "]",
        ),
        *(CALL, PYTHON, "search_web", "(", ")", '"', "'", "\\", "word ", "。", "<", "<|", "to="),
        *("<|function_start|>", "<|channel|>", "[TOOL_CALLS]", "<function=", "<|message|>", " "),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.data())
def test_result_does_not_depend_on_the_chunks(text: str, data: st.DataObject) -> None:
    whole = CallStream(NAMES)
    expected = (whole.feed(text), whole.finish())
    stream, out, at = CallStream(NAMES), "", 0
    while at < len(text):
        size = data.draw(st.integers(1, 40))
        out += stream.feed(text[at : at + size])
        at += size
    rest, calls = stream.finish()
    assert (out + rest, calls) == (expected[0] + expected[1][0], expected[1][1])
    assert stream.broken == whole.broken


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab <>|[]{}`\n\"'()=:,\\", max_size=200))
def test_text_without_a_known_name_or_mark_is_kept(text: str) -> None:
    assert read(text, chunk_chars=3) == (text, [], 0)


# Marks, and bodies that are no call of a known tool: unknown, broken, or not a call at all.
NO_CALLS = st.sampled_from(
    [
        *(form.opener for form in CALL_FORMS),
        *(end for form in CALL_FORMS for end in form.ends),
        *(
            "`",
            "```",
            "\n```json\n",
            "\n```xml\n",
            "\n",
            " ",
            "。",
            "一句话",
            "word ",
            "<",
            "<|",
            "]",
        ),
        *("{", "}", "[", "(", ")", "to=", "foo>", "functions.foo", "<|message|>", "<｜tool▁sep｜>"),
        *('{"name": "get_weather", "arguments": {}}', '[{"name": "foo"}]', 'foo(a="b")', "foo{}"),
        *('{"name": "search_web", "arguments": {"queries": ["tide in Br', "search_web(queries=['a"),
        *('{"name": "search_web"}', "search_web is a name", "search_web", "I look it up."),
    ]
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(NO_CALLS, max_size=12).map("".join), st.integers(1, 40))
def test_answer_without_a_valid_call_is_shown_whole(text: str, chunk_chars: int) -> None:
    answer = f"Words. {text}"
    stream = CallStream(NAMES, is_usable=lambda call: bool(json.loads(call.arguments)))
    parts = (answer[i : i + chunk_chars] for i in range(0, len(answer), chunk_chars))
    shown = "".join(map(stream.feed, parts))
    rest, calls = stream.finish()
    assert stream.broken == ()
    assert calls or shown + rest == answer  # Pieces may add up to a call that can be mended.


@settings(max_examples=300, deadline=None)
@given(st.lists(NO_CALLS, max_size=12).map("".join), st.integers(1, 40))
def test_only_a_marked_call_at_the_beginning_is_broken(text: str, chunk_chars: int) -> None:
    shown, calls, broken = read(text, chunk_chars=chunk_chars)
    marks = (*(form.opener for form in CALL_FORMS), "```")
    unmarked = re.match(r'\s*\[?\s*\{"name": "search_web"', text)
    begins_like_a_call = unmarked or text.lstrip().startswith(marks)
    assert begins_like_a_call or calls or (shown, broken) == (text, 0)


def test_words_behind_a_call_are_whole() -> None:
    assert read(f"[TOOL_CALLS][{CALL}] Done.\n")[0].strip() == "Done."


def test_call_in_a_fence_behind_a_lead_in_is_carried_out() -> None:
    for fence in (f"```json\n{CALL}\n```", f"```xml\n<tool_call>{CALL}</tool_call>\n```\n"):
        for lead_in in ("I will search for that:", "我来搜索一下。", ""):
            assert read(f"{lead_in}\n\n{fence}")[1] == [("search_web", ARGUMENTS)]


def test_backtick_of_a_typing_mistake_is_no_code() -> None:
    assert read(f"Let`s look. <tool_call>{CALL}</tool_call>")[1] == [("search_web", ARGUMENTS)]


@pytest.mark.parametrize(
    "unit",
    [
        "<tool_call>",
        "<tool_call>{",
        "{'a'",
        "```json\n{",
        "[TOOL_CALLS]",
        "`<tool_call>{",
        'x <tool_call>{"name": "search_web" [TOOL_CALLS]{"name": "search_web"',
    ],
)
def test_hostile_text_is_held_back_only_up_to_a_limit(unit: str) -> None:
    stream, text = CallStream(NAMES), unit * (3 * MAX_HELD_CHARS // len(unit))
    out = stream.feed(text)
    assert stream.broken or len(text) - len(out) <= MAX_HELD_CHARS
    assert len(stream.broken) <= 4


def test_far_too_long_call_is_broken_and_what_follows_is_shown() -> None:
    stream = CallStream(NAMES)
    long = '{"name": "search_web", "arguments": {"queries": ["' + "x" * 3 * MAX_HELD_CHARS
    out = stream.feed(f"<|function_start|>{long}<|function_end|>So it is.")
    assert out + stream.finish()[0] == "So it is."
    assert len(stream.broken) == 1
