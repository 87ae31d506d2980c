"""Loops are cut, and what repeats for a reason is not."""

from collections.abc import AsyncGenerator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from websearch_agent.model_calls import ModelDelta, ModelFinished, ReasoningDelta, TextDelta, Usage
from websearch_agent.models.repetition import RepetitionGuard, guard_repetition

PARAGRAPH = (
    "The bridge was opened in 1932 after eight years of work. It carries trains, cars and people "
    "on foot, and has been painted in the same grey ever since. Its arch is among the longest. "
)
LOOPS = {
    "character": "!" * 2000,
    "laughter": "ha" * 1000,
    "word": "the " * 300,
    "phrase": "and so on, " * 100,
    "sentence": "I am sorry, but I cannot find that in the sources. " * 20,
    "paragraph": PARAGRAPH * 6,
    "long paragraph": "".join(f"Sentence {n} of this part is like no other. " for n in range(25))
    * 4,
    "line": "- Visit the old harbour and the market\n" * 85,
    "short line": "- Rest a bit\n" * 140,
    "two lines": "- Visit the old harbour\n- Walk to the market\n" * 75,
    "numbered": "".join(f"{n}. Visit the old harbour and the market.\n" for n in range(1, 80)),
    "numbered in Chinese": "".join(f"{n}、参观老港口和市场，然后休息。\n" for n in range(1, 110)),
    "table with a running number": "".join(
        f"| {n} | The answer is unknown, as the sources do not say. |\n" for n in range(200)
    ),
    "steps": "".join(f"Step {n}: check the result.\n" for n in range(200)),
    "steps numbered twice": "".join(f"{n}. Step {n}: check it again.\n" for n in range(200)),
    "steps in Chinese": "".join(f"第{n}步，检查结果。\n" for n in range(200)),
    "log in a fence": "```\n" + "WARN retrying the connection\n" * 110,
    "one line in a fence": "```\n" + "null, " * 400,
    "chinese": "根据资料，这座桥于一九三二年通车。" * 20,
    "blank": "Well.\n" + " \n\t" * 300,
    "broken json": '{"reason": "' + "\\n" * 1500,
}
MEANT = {
    "rule": "Title\n" + "=" * 200 + "\n" + "-" * 300 + "\nText\n",
    "wide table": "|" + "---|" * 60 + "\n" + "| a | b |\n" * 3,
    "table": "| city | people | area |\n|---|---|---|\n"
    + "".join(f"| City {n} | {n * 7919} | {n * 31} |\n" for n in range(80)),
    "matrix": "\n".join("0 " * 16 for _ in range(16)),
    "identity": "\n".join(" ".join(str(int(a == b)) for b in range(20)) for a in range(20)),
    "numbers": "".join(f"{n}\n" for n in range(300)),
    "list": "".join(f"{n}. Item {n} is at {n * 37} metres.\n" for n in range(100)),
    "code": "".join(f"    if x == {n}:\n        return 'case {n}'\n" for n in range(60)),
    "html": "<tr>\n" + "  <td></td>\n" * 8 + "</tr>\n" + "  <td>x</td>\n" * 8,
    "song": "Row, row, row your boat, gently down the stream. " * 3 + "Na " * 30,
    "said twice": PARAGRAPH * 2,
    "chinese list": "".join(f"{n}. 第{n}个城市有{n * 731}万居民。\n" for n in range(60)),
    "punishment": "I will not be late again.\n" * 100,
    "numbered punishment": "".join(f"{n}. I will not be late again.\n" for n in range(1, 101)),
    "declaration": "我爱你。" * 50,
    "inserts": "INSERT INTO t VALUES (NULL,'x');\n" * 20,
    "nops": "```asm\n" + "    nop\n" * 60 + "```\n",
    "empty rows": "<tr><td>&nbsp;</td><td>&nbsp;</td><td>&nbsp;</td></tr>\n" * 15,
    "empty cells in one line": "<tr><td>&nbsp;</td><td>&nbsp;</td></tr>" * 15,
    "yaml": "- name: null\n  value: null\n" * 20,
    "chorus": "Sing with me, sing all night\n" * 18,
    "array in a fence": "```json\n[" + "null, " * 200 + "null]\n```\n",
    "years": "".join(f"| {1900 + n} | {n * 7919} people were counted |\n" for n in range(150)),
    "table of words": "".join(
        f"| {n} | {a} {b} is open | yes |\n"
        for n, (a, b) in enumerate((a, b) for a in "ABCDEFGHIJKL" for b in "qrstuvwxyz")
    ),
    "indented": "\n".join(" " * (4 * depth) + f"level {depth}" for depth in range(40)),
}


def loops(text: str, *, chunk_chars: int = 7) -> bool:
    guard = RepetitionGuard()
    return any(
        guard.feed(text[start : start + chunk_chars]) for start in range(0, len(text), chunk_chars)
    )


@pytest.mark.parametrize("name", LOOPS)
def test_loop_is_seen(name: str) -> None:
    assert loops("Here is what I found.\n\n" + LOOPS[name])


@pytest.mark.parametrize("name", MEANT)
def test_what_repeats_for_a_reason_is_left_alone(name: str) -> None:
    assert not loops(MEANT[name] + "\n\nThat is all of it.\n" + MEANT[name])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted({**LOOPS, **MEANT})),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
)
def test_chunks_make_no_difference(name: str, sizes: list[int]) -> None:
    text = {**LOOPS, **MEANT}[name]
    guard, start, turn = RepetitionGuard(), 0, 0
    while start < len(text):
        size = sizes[turn % len(sizes)]
        seen = guard.feed(text[start : start + size])
        start, turn = start + size, turn + 1
    assert seen == loops(text, chunk_chars=len(text))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=1200))
def test_any_unit_of_words_said_often_enough_is_a_loop(unit: str) -> None:
    wordy = len({c for c in unit if c.isalpha()}) >= 3
    if wordy and len(unit) <= 400:
        assert loops(unit * (7 + 3200 // len(unit)), chunk_chars=64)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=50, max_size=200, unique=True))
def test_lines_with_numbers_of_their_own_are_no_loop(numbers: list[int]) -> None:
    assert not loops("".join(f"Station {n} reported {n % 977} cases.\n" for n in numbers))


class Source:
    """Yields deltas without end, and says whether it was closed."""

    def __init__(self, delta: ModelDelta) -> None:
        self.delta = delta
        self.given = 0
        self.closed = False

    async def deltas(self) -> AsyncGenerator[ModelDelta, None]:
        try:
            while True:
                self.given += 1
                yield self.delta
        finally:
            self.closed = True


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [TextDelta, ReasoningDelta])
async def test_looping_model_is_stopped(kind: type[TextDelta] | type[ReasoningDelta]) -> None:
    source = Source(kind("round and round "))
    seen = [delta async for delta in guard_repetition(source.deltas())]
    assert source.closed
    assert source.given < 60
    assert seen[-1] == ModelFinished(
        "repetition", Usage(completion_tokens=source.given, model_calls=1)
    )


@pytest.mark.anyio
async def test_reply_without_a_loop_passes_unchanged() -> None:
    reply: list[ModelDelta] = [
        ReasoningDelta("hm"),
        TextDelta("Hello"),
        ModelFinished("stop", Usage(3, 2, 1)),
    ]

    async def deltas() -> AsyncGenerator[ModelDelta, None]:
        for delta in reply:
            yield delta

    assert [delta async for delta in guard_repetition(deltas())] == reply
