"""Thoughts never become the answer, and an answer about thoughts stays one."""

from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websearch_agent.model_calls import (
    ModelDelta,
    ModelFinished,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCall,
    Usage,
)
from websearch_agent.models.reasoning import ReasoningSplitter, split_reasoning

CALL = (
    "<|channel|>commentary to=functions.search_web <|constrain|>json<|message|>"
    '{"queries": ["a"]}<|call|>'
)
# Reply, thoughts, text.
REPLIES = {
    "plain": ("Hello there.", "", "Hello there."),
    "tags": ("<think>Let me see.</think>Hello.", "Let me see.", "Hello."),
    "blank before": ("\n\n<think>\na\n</think>\n\nHello.", "\na\n", "\n\nHello."),
    "thinking": ("<thinking>a < b</thinking>x", "a < b", "x"),
    "thought": ("<thought>a</thought>x", "a", "x"),
    "seed": ("<seed:think>a</seed:think>x", "a", "x"),
    "mistral": ("[THINK]a[/THINK]x", "a", "x"),
    "empty": ("<think></think>x", "", "x"),
    "twice": ("<think>a</think>\n<think>b</think>x", "ab", "x"),
    "never closed": ("<think>a and b", "a and b", ""),
    "half a closing tag": ("<think>a</thi", "a</thi", ""),
    "other closing tag": ("<think>a</thought>b</think>x", "a</thought>b", "x"),
    "prose": ("A <think> opens, </think> closes.", "", "A <think> opens, </think> closes."),
    "code": ("`<think>` is a tag.", "", "`<think>` is a tag."),
    "like a tag": ("<thin air> is thin.", "", "<thin air> is thin."),
    "begins like a tag": ("<th", "", "<th"),
    "harmony": (
        "<|channel|>analysis<|message|>Look.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Hello.<|return|>",
        "Look.",
        "Hello.",
    ),
    "harmony without end": ("<|channel|>final<|message|>a < b", "", "a < b"),
    "harmony call": (
        f"<|channel|>analysis<|message|>Search.<|end|><|start|>assistant{CALL}",
        "Search.",
        f"<|start|>assistant{CALL}",
    ),
    "harmony call alone": (CALL, "", CALL),
    "harmony cut in a header": ("<|channel|>analysis<|message|>a<|end|><|start|>assis", "a", ""),
    "harmony preamble": ("<|channel|>commentary<|message|>I search.<|end|>", "I search.", ""),
}  # fmt: skip


STRAY = {
    "opened by the template": (
        "The user wants…\n</think>\n\nParis.", "The user wants…\n\n\nParis.", True,
    ),
    "glued to the answer": ("Hm.\n</think>Paris.", "Hm.\nParis.", True),
    "at the end": ("Paris.\n</think>", "Paris.\n", True),
    "at the end with blanks": ("Paris.\n</think> \n", "Paris.\n \n", True),
    "before any word": ("\n</think>\n\nParis.", "\n\n\nParis.", False),
    "after thoughts": ("<think>a</think>b\n</think>\nc", "b\n\nc", False),
    "in a sentence": ("It ends with </think> here.", "It ends with </think> here.", False),
    "sentence about it": ("</think>, the tag, ends.", "</think>, the tag, ends.", False),
    "in a code span": ("a\n`</think>` ends.", "a\n`</think>` ends.", False),
    "in a fence": ("```\n</think>\n```\n", "```\n</think>\n```\n", False),
    "indented code": ("So:\n\n    </think>\n", "So:\n\n    </think>\n", False),
    "opened in the text": ("So:\n<think>\na\n</think>\n", "So:\n<think>\na\n</think>\n", False),
    "behind a fence": ("```\nx\n```\n</think>\ny", "```\nx\n```\n\ny", True),
    "half of it": ("a\n</thi", "a\n</thi", False),
}  # fmt: skip


@given(st.sampled_from(sorted(STRAY)), st.lists(st.integers(0, 200), max_size=30))
def test_stray_closing_tag_is_taken_out(name: str, cuts: list[int]) -> None:
    reply, text, shown = STRAY[name]
    places = sorted({0, len(reply), *(cut % (len(reply) + 1) for cut in cuts)})
    splitter = ReasoningSplitter()
    pieces = [piece for a, b in pairwise(places) for piece in splitter.feed(reply[a:b])]
    pieces += splitter.finish()
    assert "".join(piece.text for piece in pieces if piece.kind == "text") == text
    assert splitter.thoughts_shown is shown


def split(chunks: Sequence[str], *, begins_inside: bool = False) -> tuple[str, str]:
    splitter = ReasoningSplitter(begins_inside=begins_inside, word_tags=True)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.finish()
    assert "".join(piece.text for piece in pieces) == "".join(chunks)
    thoughts = "".join(piece.text for piece in pieces if piece.kind == "reasoning")
    return thoughts, "".join(piece.text for piece in pieces if piece.kind == "text")


@pytest.mark.parametrize("name", REPLIES)
def test_reply_is_divided(name: str) -> None:
    reply, thoughts, text = REPLIES[name]
    assert split([reply]) == (thoughts, text)


@given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(0, 200), max_size=30))
def test_chunks_make_no_difference(name: str, cuts: list[int]) -> None:
    reply, thoughts, text = REPLIES[name]
    places = sorted({0, len(reply), *(cut % (len(reply) + 1) for cut in cuts)})
    chunks = [reply[a:b] for a, b in pairwise(places)]
    assert split(chunks) == (thoughts, text)


@given(
    st.text(), st.lists(st.sampled_from(["<think>", "</think>", "<|end|>", "a", " ", "\n", "<"]))
)
def test_nothing_is_lost_or_invented(start: str, parts: list[str]) -> None:
    whole = [start, *parts]
    assert split(whole) == split(["".join(whole)])


@given(st.text(st.characters(exclude_characters="<[◁"), min_size=1))
def test_text_is_not_held_back(text: str) -> None:
    splitter = ReasoningSplitter()
    splitter.feed("x")
    assert "".join(piece.text for piece in splitter.feed(text)) == text


async def deltas_of(
    *deltas: ModelDelta,
    begins_inside: bool = False,
    json_reply: bool = False,
    word_tags: bool = False,
) -> list[ModelDelta]:
    async def source() -> AsyncGenerator[ModelDelta, None]:
        for delta in deltas:
            yield delta

    divided = split_reasoning(
        source(), begins_inside=begins_inside, json_reply=json_reply, word_tags=word_tags
    )
    return [delta async for delta in divided]


def end(reason: str = "stop", *calls: ToolCall) -> ModelFinished:
    return ModelFinished(reason, Usage(), calls)


@pytest.mark.anyio
class TestOpenTags:
    async def test_reply_that_begins_inside_is_divided(self) -> None:
        seen = await deltas_of(TextDelta("I look.</think>Hello."), end(), begins_inside=True)
        assert seen == [ReasoningDelta("I look."), TextDelta("Hello."), end()]

    async def test_reply_that_never_closed_was_the_answer(self) -> None:
        seen = await deltas_of(TextDelta("Hel"), TextDelta("lo."), end(), begins_inside=True)
        texts = [delta.text for delta in seen if isinstance(delta, TextDelta)]
        assert texts == ["Hel", "lo."]

    @pytest.mark.parametrize("finish", [end("length"), end("stop", ToolCall("1", "a", "{}"))])
    async def test_cut_or_calling_it_was_still_thinking(self, finish: ModelFinished) -> None:
        seen = await deltas_of(TextDelta("Hmm, so"), finish, begins_inside=True)
        assert seen == [ReasoningDelta("Hmm, so"), finish]

    async def test_server_that_splits_itself_is_believed(self) -> None:
        parts = (ReasoningDelta("I look."), TextDelta("Hello."), end())
        assert await deltas_of(*parts, begins_inside=True) == list(parts)

    async def test_json_that_was_asked_for_has_no_thoughts(self) -> None:
        parts = (TextDelta('{"a": '), TextDelta("1}"), end("length"))
        assert await deltas_of(*parts, begins_inside=True, json_reply=True) == list(parts)


@pytest.mark.anyio
async def test_probabilities_stay_with_their_text() -> None:
    def token(text: str) -> TokenLogprob:
        return TokenLogprob(text, -0.5)

    seen = await deltas_of(
        TextDelta("<think>a", (token("<think>"), token("a"))),
        TextDelta("</think>ye", (token("</think>"), token("ye"))),
        TextDelta("s", (token("s"),)),
        end(),
    )
    assert seen == [
        ReasoningDelta("a"),
        TextDelta("ye", (token("ye"),)),
        TextDelta("s", (token("s"),)),
        end(),
    ]


@pytest.mark.anyio
async def test_cut_inside_thoughts_ends_by_length_without_text() -> None:
    seen = await deltas_of(TextDelta("<think>So I"), end("length"))
    assert seen == [ReasoningDelta("So I"), end("length")]


XML = "<reasoning>\n<step>1</step>\n</reasoning>"


def text_of(deltas: list[ModelDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@pytest.mark.anyio
class TestXmlAnswer:
    async def test_it_is_one_where_no_thoughts_are_expected(self) -> None:
        assert text_of(await deltas_of(TextDelta(XML), end())) == XML
        assert text_of(await deltas_of(TextDelta("<think>a</think>b"), end())) == "b"

    async def test_single_block_is_the_answer_of_a_thinking_family_too(self) -> None:
        assert text_of(await deltas_of(TextDelta(XML), end(), word_tags=True)) == XML

    @pytest.mark.parametrize(
        "deltas",
        [
            (TextDelta(XML), end("length")),
            (TextDelta(XML), end("stop", ToolCall("1", "a", "{}"))),
            (TextDelta("<think>a</think>"), end()),
            (ReasoningDelta("hm"), TextDelta(XML), end()),
        ],
    )
    async def test_thoughts_stay_thoughts(self, deltas: tuple[ModelDelta, ...]) -> None:
        assert text_of(await deltas_of(*deltas, word_tags=True)) == ""

    async def test_block_before_an_answer_is_thoughts(self) -> None:
        assert text_of(await deltas_of(TextDelta(XML + "Yes."), end(), word_tags=True)) == "Yes."
