import pytest
from citations.marker_streams import cuts, pieces_of, result, stream, texts
from hypothesis import given

from websearch_agent.citations.markers import MAX_HELD_CHARS, CitationStream

FORMS = [
    ("So it is [1].", "So it is [1]."),
    ("So it is[1].", "So it is[1]."),
    ("So it is [1][2].", "So it is [1][2]."),
    ("So it is [1] [2].", "So it is [1] [2]."),
    ("So it is [1, 2].", "So it is [1][2]."),
    ("So it is [1,2,3].", "So it is [1][2][3]."),
    ("So it is [1; 3].", "So it is [1][3]."),
    ("So it is [1-3].", "So it is [1][2][3]."),
    ("So it is [1–3].", "So it is [1][2][3]."),
    ("So it is [1—3].", "So it is [1][2][3]."),
    ("So it is [1 to 3].", "So it is [1][2][3]."),
    ("So it is [1, 2-3].", "So it is [1][2][3]."),
    ("So it is [1, 1].", "So it is [1]."),
    ("So it is [citation:3].", "So it is [3]."),
    ("So it is [ citation:3 ].", "So it is [3]."),
    ("So it is [Citation: 3].", "So it is [3]."),
    ("So it is [citation:1, citation:2].", "So it is [1][2]."),
    ("So it is [[citation:3]].", "So it is [3]."),
    ("So it is [[1]].", "So it is [1]."),
    ("So it is [^1].", "So it is [1]."),
    ("So it is [^1][^2].", "So it is [1][2]."),
    ("So it is [^1, ^2].", "So it is [1][2]."),
    ("So it is [Source 2].", "So it is [2]."),
    ("So it is [source: 2].", "So it is [2]."),
    ("So it is [Ref. 2].", "So it is [2]."),
    ("So it is [Document 2].", "So it is [2]."),
    ("So it is [Sources 1 and 3].", "So it is [1][3]."),
    ("So it is [Sources 1, 2, and 3].", "So it is [1][2][3]."),
    ("So it is [1] and [Source 2].", "So it is [1] and [2]."),
    ("So it is [1†source].", "So it is [1]."),
    ("So it is 【1†L10-L12】.", "So it is [1]."),
    ("So it is (Source 2).", "So it is [2]."),
    ("So it is (sources 1, 2).", "So it is [1][2]."),
    ("So it is (citation:3).", "So it is [3]."),
    ("是这样【1】。", "是这样[1]。"),
    ("是这样【1】【2】。", "是这样[1][2]。"),
    ("是这样【1，2】。", "是这样[1][2]。"),
    ("是这样［１］。", "是这样[1]。"),
    ("是这样［１－３］。", "是这样[1][2][3]。"),
    ("是这样[１、２]。", "是这样[1][2]。"),
    ("是这样[1]，[2]。", "是这样[1]，[2]。"),
    ("是这样[1]、[2]。", "是这样[1]、[2]。"),
    ("是这样[1至3]。", "是这样[1][2][3]。"),
    ("是这样[1和3]。", "是这样[1][3]。"),
    ("是这样[来源2]。", "是这样[2]。"),
    ("是这样[来源：2]。", "是这样[2]。"),
    ("是这样【来源：1、2】。", "是这样[1][2]。"),
    ("是这样[参考资料2]。", "是这样[2]。"),
    ("是这样（来源2）。", "是这样[2]。"),
    ("是这样（来源：1、2）。", "是这样[1][2]。"),
]


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize(("written", "shown"), FORMS)
def test_every_form_of_a_marker_becomes_the_plain_one(written: str, shown: str, chunk: int) -> None:
    citations = stream(written, chunk=chunk)
    assert citations.text == shown
    assert len(citations.markers) == shown.count("[")
    assert citations.dropped_markers == 0


@pytest.mark.parametrize(
    "text",
    [
        "Use `a[1]` here.",
        "```\nx[1] = [2]\n```\n",
        "~~~python\n[1]\n~~~\n",
        "1. Do:\n\n    ```\n    x[1]\n    ```\n",
        "> ```\n> x[1]\n> ```\n",
        "```\n```python\n[1]\n```\n",
        "````\n```\n[1]\n````\n",
        "```x[1]``` in a line",
        "See [1](https://example.org).",
        "See [[1]](https://example.org).",
        "See [the list](https://example.org/a[1]b) there.",
        "An escaped \\[1\\] bracket.",
        "The year [2024], a [x], a [to do], a lone [ and [1",
        "``code with ` and [1]``",
        "(1) first, (2) second, (see 3), (source) and (Document 2)",
        "It took (1999-2003) years, [Table 2] and [page 3]",
        "The bytes [0, 255], the index [0], the interval [10, 250] and [1-100].",
        "Take x[7] and y[12].",
        "The interval [1, 3] of reals, every x in [1, 2], and x = [1, 3].",
        "It lies in the range of [1-3].",
        "The intervals [1, 2], [2, 3] and [4, 90].",
        "The array **[1, 2, 3]** holds three.",
        "区间[1, 3]上的函数，取值范围为[1, 2]，数组 [1, 2, 3]。",
        "The grid spans [10, 250] pixels and [300, 400] more.",
        "Sorted it is [30, 50, 70].",
        "Read sys.argv[1], my_list[2], first(rows[3]), rows()[1] and (x[1]).",
        "Read my_list[9] and sys.argv[12].",
        "第[一]章（见第2节）",
    ],
)
def test_code_links_and_other_brackets_are_left_alone(text: str) -> None:
    citations = stream(text)
    assert citations.text == text
    assert citations.markers == []
    assert citations.dropped_markers == 0


def test_marker_without_source_is_dropped_and_counted() -> None:
    citations = stream("True [1] and false [99].")
    assert citations.text == "True [1] and false."
    assert citations.dropped_markers == 1
    assert [m.source_number for m in citations.markers] == [1]


@pytest.mark.parametrize(
    ("written", "shown", "dropped"),
    [
        ("So [1, 9].", "So [1].", 1),
        ("So [7, 8].", "So.", 2),
        ("So [2-5].", "So [2][3].", 2),
        ("So【9】。", "So。", 1),
        ("So [citation:0].", "So.", 1),
        ("So (Source 9).", "So.", 1),
        ("A fact[9].", "A fact.", 1),
        ("A fact [1, 14].", "A fact [1].", 1),
        ("A fact [14, 1, 99].", "A fact [1].", 2),
        ("A fact [1-99].", "A fact [1].", 1),
        ("A fact [2-8] more", "A fact [2][3] more", 5),
        ("A fact [0-2].", "A fact [0-2].", 0),
        ("A fact [50-2].", "A fact [2].", 1),
        ("Of the town [1, 99]. [1] It is red [1-99].", "Of the town [1]. [1] It is red [1].", 2),
        ("A fact [14, 99].", "A fact.", 2),
        ("A fact. [14, 99] More [1].", "A fact. More [1].", 2),
        ("事实[14，99]。", "事实。", 2),
        ("- A fact [90-99]\n- more", "- A fact\n- more", 2),
        ("A wide range [1, 2, 3].", "A wide range [1][2][3].", 0),
        ("As shown in [1, 2].", "As shown in [1][2].", 0),
        (
            "By example.org[1], Node.js[2] and U.S[3].",
            "By example.org[1], Node.js[2] and U.S[3].",
            0,
        ),
        ("The mayor (Smith[9]).", "The mayor (Smith).", 1),
        ("[^9]: A title\n[^1]: Another", " A title\n[1]: Another", 1),
    ],
)
def test_only_the_numbers_without_source_are_dropped(
    written: str, shown: str, dropped: int
) -> None:
    citations = stream(written)
    assert (citations.text, citations.dropped_markers) == (shown, dropped)


def test_without_sources_no_number_becomes_a_marker() -> None:
    citations = stream("A chat says [1], a[2] and [0].", known=())
    assert citations.markers == []
    assert citations.text == "A chat says, a[2] and [0]."


def test_marker_behind_unclosed_backtick_is_found_in_the_next_paragraph() -> None:
    assert [m.source_number for m in stream("a ` b [1]\n\nc [2]").markers] == [2]


def test_at_most_a_marker_is_held_back() -> None:
    citations = CitationStream([1])
    assert citations.feed("Plain words go out at once") == "Plain words go out at once"
    assert citations.feed(" [") == ""
    assert citations.feed("not a marker!") == " [not a marker!"
    assert citations.feed(" (") == ""
    assert citations.feed("who") == " (who"


@given(text=texts, sizes=cuts)
def test_the_result_never_depends_on_chunking(text: str, sizes: list[int]) -> None:
    whole = stream(text, chunk=len(text) + 1)
    cut = CitationStream((1, 2, 3))
    shown = "".join(cut.feed(piece) for piece in pieces_of(text, sizes)) + cut.finish()
    assert result(cut) == result(whole)
    assert shown == whole.text


@given(text=texts, sizes=cuts)
def test_never_more_than_a_few_characters_are_held_back(text: str, sizes: list[int]) -> None:
    citations = CitationStream(())
    fed = 0
    for piece in pieces_of(text, sizes):
        citations.feed(piece)
        fed += len(piece)
        # Without sources and without drops nothing changes: what is missing is held back.
        if not citations.dropped_markers:
            assert fed - citations.length <= MAX_HELD_CHARS


ENDLESS = [*"[(（ `~>1，来", "[1,", "(source ", "[来源", "[["]


@pytest.mark.parametrize("character", ENDLESS)
def test_endless_beginnings_of_markers_and_fences_are_let_go(character: str) -> None:
    citations = CitationStream([1])
    fed = 0
    for _ in range(200):
        citations.feed(character)
        fed += len(character)
        assert fed - citations.length <= MAX_HELD_CHARS
    assert MAX_HELD_CHARS <= 70


@given(text=texts.filter(lambda text: not any(opener in text for opener in "[【［(（")))
def test_text_without_brackets_comes_out_unchanged(text: str) -> None:
    citations = stream(text)
    assert citations.text == text
    assert citations.markers == []


@given(text=texts, sizes=cuts)
def test_markers_point_at_themselves_in_order(text: str, sizes: list[int]) -> None:
    citations = CitationStream((1, 2, 3), find_source=lambda _: 2)
    for piece in pieces_of(text, sizes):
        citations.feed(piece)
    citations.finish()
    end = 0
    for marker in citations.markers:
        place = citations.text[marker.start_index : marker.end_index]
        assert place == f"[{marker.source_number}]"
        assert marker.source_number in (1, 2, 3)
        assert marker.start_index >= end
        end = marker.end_index
