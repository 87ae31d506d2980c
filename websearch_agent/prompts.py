"""Renders `prompts/*.jinja`: each function here is named after the file that it renders."""

import datetime as dt
import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from websearch_agent.forged_marks import plain_page_line, plain_page_text
from websearch_agent.resources import resource_dir
from websearch_agent.types import Source

# Kinds of task, as the decision's prompt explains them. A 1.5B model that names the kind first
# decides 0.94 of a mixed sample rightly; with a reason in its own words 0.66 (140 rows, 2026-11).
TASKS_WITHOUT_WEB = {
    "small_talk": "greetings, thanks, feelings, jokes, questions about you",
    "this_conversation": "about what was said before",
    "translation": "",
    "rewriting": "",
    "given_text": "questions about a text, list or table in the message",
    "mathematics": "",
    "logic": "",
    "programming": "writing, completing, explaining or correcting code",
    "creative_writing": "",
    "role_play": "",
    "advice": "opinions, plans, ideas",
    "textbook_knowledge": "what every school book or dictionary says",
}
TASKS_FOR_THE_WEB = {
    "specific_fact": "about a certain person, place, work, organisation or event",
    "recent_event": "news, results, records, who holds an office, anything that may have changed",
    "product_or_price": "prices, versions, timetables, opening hours",
    "software_manual": "options, settings and commands of a certain program",
}
_WEB_ADDRESS = re.compile(r"https?://[^\s\u3000-\u9fff\uff00-\uffef]+", re.IGNORECASE)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def chat_system(
    today: dt.date,
    *,
    search_tool: bool,
    language: str = "",
    in_hand: bool = False,
    addresses: bool = False,
    instructions: str = "",
) -> str:
    """System prompt of a call before any search; `search_tool` is the on/off switch of search.

    `in_hand`: the user message shows sources. `addresses`: the user wrote web addresses, and the
    model may call the function that opens them. `instructions`: the caller's own.
    """
    return _render(
        "chat_system",
        **_date(today),
        search_tool=search_tool,
        language=language,
        in_hand=in_hand,
        addresses=addresses,
        instructions=instructions,
    )


def functions(functions: Sequence[str]) -> str:
    """End of the system prompt in dialect `markers`, from each function's JSON."""
    return _render("functions", functions=functions)


def in_hand_question(
    question: str,
    *,
    sources: Sequence[Source],
    boundary: str,
    may_search: bool,
    citation: str = "[n]",
    citation_blocks: bool = False,
) -> str:
    """User message with the sources of an earlier turn, then the question."""
    return _render(
        "in_hand_question",
        question=question,
        sources=sources,
        boundary=boundary,
        may_search=may_search,
        mark=example_mark(citation),
        citation_blocks=citation_blocks,
        language=language_name(question),
    )


def observation(
    question: str, *, sources: Sequence[Source], boundary: str, may_search: bool, citation: str
) -> str:
    """What a search brought, in dialect `markers`: sources, how to cite them, the question."""
    return _render(
        "observation",
        question=question,
        sources=sources,
        boundary=boundary,
        may_search=may_search,
        mark=example_mark(citation),
        language=language_name(question),
    )


def call_again(problem: str, *, form: str) -> str:
    """User message behind a call that cannot be carried out; `form` shows a right one."""
    return _render("call_again", problem=problem, form=form)


def choose_function(*, may_answer: bool) -> str:
    """System prompt of the call that chooses among a caller's functions, for small models."""
    return _render("choose_function", may_answer=may_answer)


def choose_function_question(
    question: str,
    *,
    functions: Sequence[tuple[str, str]],
    results: Sequence[tuple[str, str]],
) -> str:
    """Last user message of that call: names with descriptions, and names with results so far."""
    return _render(
        "choose_function_question", question=question, functions=functions, results=results
    )


def function_arguments(function: str, *, parameters: str) -> str:
    """User message that asks for a function's arguments; `parameters` is their schema."""
    return _render("function_arguments", function=function, parameters=parameters)


def function_result(function: str, *, result: str, boundary: str) -> str:
    """User message with what a caller's function brought."""
    return _render("function_result", function=function, result=result, boundary=boundary)


def example_mark(citation: str) -> str:
    """A marker in a family's form of citing, such as `[citation:n]`."""
    return citation.replace("n]", "1]")


def decide_system(today: dt.date, *, follow_up: bool, sources_in_hand: bool = False) -> str:
    """System prompt of the call that only decides, for models without tool calls."""
    return _render(
        "decide_system",
        **_date(today),
        follow_up=follow_up,
        sources_in_hand=sources_in_hand,
        nothing=TASKS_WITHOUT_WEB,
        web=TASKS_FOR_THE_WEB,
    )


def decide_question(question: str, *, addresses: bool = False) -> str:
    """Last user message of the call that only decides: the form is repeated behind the question."""
    return _render(
        "decide_question",
        question=question,
        language=language_name(question),
        addresses=addresses,
    )


def write_queries(today: dt.date) -> str:
    """System prompt of the call that writes queries, for models without tool calls."""
    return _render("write_queries", **_date(today))


def standalone_system(today: dt.date, question: str) -> str:
    """System prompt of the call that rewrites a follow-up, in the question's language."""
    chinese = language_name(question) == "Chinese"
    return _render("standalone_system", **_date(today), chinese=chinese)


def standalone_question(question: str, *, turns: Sequence[tuple[str, str]]) -> str:
    """User message with earlier turns as (question, answer), and the follow-up to rewrite."""
    chinese = language_name(question) == "Chinese"
    return _render("standalone_question", question=question, turns=turns, chinese=chinese)


def standalone_examples(question: str) -> tuple[tuple[str, str], ...]:
    """Made-up pairs of user message and rewrite, in the question's language."""
    module = _environment().get_template("standalone_examples.jinja").module
    examples = getattr(module, "chinese" if language_name(question) == "Chinese" else "english")
    return tuple(
        (standalone_question(asked, turns=turns), rewrite) for turns, asked, rewrite in examples
    )


def query_question(question: str) -> str:
    """Last user message of the call that writes queries."""
    return _render("query_question", question=question, language=language_name(question))


def decide_again(question: str) -> str:
    """User message behind a decision that could not be read."""
    return _render("decide_again", language=language_name(question))


def answer_system(
    today: dt.date,
    *,
    search_tool: bool,
    language: str | None = None,
    citation: str = "[n]",
    instructions: str = "",
) -> str:
    """System prompt of a call that shows sources; `citation` is the form of the markers.

    `language` to answer in: empty is the question's, None leaves it to the user message.
    `instructions`: the caller's own.
    """
    return _render(
        "answer_system",
        **_date(today),
        search_tool=search_tool,
        language=language,
        mark=example_mark(citation),
        instructions=instructions,
    )


def answer_question(question: str, *, sources: Sequence[Source], boundary: str) -> str:
    """User message with the sources, then the question."""
    return _render(
        "answer_question",
        question=question,
        sources=sources,
        boundary=boundary,
        language=language_name(question),
        number=sources[0].number if sources else 1,
    )


def answer_example(question: str, *, sources: Sequence[Source] = ()) -> tuple[tuple[str, str], ...]:
    """A made-up conversation as (user, assistant) pairs: one honest refusal, then one answer.

    In the question's language: small models copy the form of an example far better than they
    follow a rule. They copy the last one most: an answer with its markers. Its sources have the
    numbers of those that will be shown: late in a conversation models would write [1] for [4].
    """
    chinese = language_name(question) == "Chinese"
    numbers = [source.number for source in sources[:2]]
    first, second = numbers if len(numbers) == 2 else (1, 2)

    def part(turn: str) -> str:
        return _render("answer_example", chinese=chinese, turn=turn, first=first, second=second)

    return (part("sources"), part("refusal")), (part("follow_up"), part("answer"))


def summarise_system(today: dt.date) -> str:
    """System prompt of the calls that summarise one page each."""
    return _render("summarise_system", **_date(today))


def summarise_page(question: str, *, source: Source, boundary: str) -> str:
    """User message with one page's passages and the question that they are summarised for."""
    return _render(
        "summarise_page",
        question=question,
        sources=(source,),
        boundary=boundary,
        language=language_name(question),
    )


def name_source(question: str) -> str:
    """User message behind an answer that named no source."""
    return _render("name_source", language=language_name(question))


def nothing_found(question: str) -> str:
    """The answer where a search brought nothing, for models that would answer from memory."""
    return _render("nothing_found", language=language_name(question))


def judge_system() -> str:
    """System prompt of the calls that judge whether sources say a statement."""
    return _render("judge_system")


def judge_statement(
    statement: str, *, sources: Sequence[Source], boundary: str, question: str = ""
) -> str:
    """User message with the sources, then the statement; `question` is what it answers."""
    return _render(
        "judge_statement",
        statement=statement,
        sources=sources,
        boundary=boundary,
        question=question,
    )


def repair_answer(
    question: str, *, statements: Sequence[str], sources: Sequence[Source] = ()
) -> str:
    """User message behind an answer some of whose statements no source supports."""
    return _render(
        "repair_answer",
        question=question,
        statements=statements,
        language=language_name(question),
        number=sources[0].number if sources else 1,
    )


def follow_ups_system(question: str) -> str:
    """System prompt of the call that suggests what to ask next, in the question's language."""
    return _render("follow_ups_system", language=language_name(question))


def follow_ups_question(question: str, *, answer: str, boundary: str) -> str:
    """User message with the question and the beginning of its answer."""
    return _render(
        "follow_ups_question",
        question=question,
        answer=answer,
        boundary=boundary,
        language=language_name(question),
    )


def follow_ups_examples(question: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Made-up questions with their user message and suggestions, in the question's language."""
    module = _environment().get_template("follow_ups_examples.jinja").module
    examples = getattr(module, "chinese" if language_name(question) == "Chinese" else "english")
    return tuple(
        (asked, follow_ups_question(asked, answer=answer, boundary="-----"), tuple(suggested))
        for asked, answer, suggested in examples
    )


def tool_sources(question: str, *, sources: Sequence[Source], boundary: str) -> str:
    """What a search brought, for a `tool` message; `question` tells the language."""
    return _render(
        "tool_sources", sources=sources, boundary=boundary, language=language_name(question)
    )


def language_name(text: str) -> str:
    """The language to answer in when the script tells it, else empty.

    Small models drift into the sources' language unless it is named.
    """
    if re.search(r"[぀-ヿ]", text):
        return "Japanese"
    if re.search(r"[가-힯]", text):
        return "Korean"
    text = _WEB_ADDRESS.sub(" ", text)  # Its letters are in no language.
    han = len(re.findall(r"[一-鿿]", text))
    latin_words = len(re.findall(r"[A-Za-zÀ-ɏ]{2,}", text))
    return "Chinese" if han and han >= latin_words else ""


def _date(today: dt.date) -> dict[str, str]:
    # Not strftime: its names follow the machine's locale.
    return {"today": today.isoformat(), "weekday": _WEEKDAYS[today.weekday()]}


def _render(name: str, **values: object) -> str:
    return _environment().get_template(f"{name}.jinja").render(**values).strip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resource_dir("prompts")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are text, not HTML; page text goes through plain_page_text
        trim_blocks=False,
        keep_trailing_newline=False,
    )
    environment.filters["page_text"] = plain_page_text
    environment.filters["attribute"] = plain_page_line
    return environment
