"""Citations and sources of an answer in the forms that clients of OpenAI and Perplexity know.

Indices count Unicode code points of the text, the end exclusive, as everywhere here.
"""

from dataclasses import dataclass, replace

from pydantic import BaseModel, Field

from websearch_agent.citations.anchors import source_link
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.wire import JsonValue, to_json_value
from websearch_agent.types import Answer, Source

MAX_SNIPPET_CHARS = 300

_FINISH_REASONS = {"length": "length", "repetition": "length", "tool_calls": "tool_calls"}


class SearchResultObject(BaseModel):
    """A source, in Perplexity's form. All is empty at a number that no source has."""

    title: str
    url: str
    date: str | None
    snippet: str


class WebsearchObject(BaseModel):
    """What OpenAI's form has no place for. `statements` are in the form that
    `GET /api/schemas/answer.json` describes; `finish_reason` is ours, which knows `repetition` too.
    """

    statements: list[dict[str, object]] = Field(
        description="The sentences of the answer: where they stand, which sources they name, and "
        "how well these say them."
    )
    notices: list[str] = Field(description="What the reader must know about the answer.")
    search_queries: list[str]
    verification: str | None = Field(description="`fast`, `model`, or null: not checked.")
    unanswered: bool = Field(description="The answer says that the sources do not say.")
    finish_reason: str


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer whose text is sent behind `offset` characters that cannot be taken back.

    `base` is our own address, for documents that have none on the web.
    """

    answer: Answer
    base: str
    offset: int = 0

    @property
    def finish_reason(self) -> str:
        """`stop`, `length` (also where the model went round in circles) or `tool_calls`."""
        return _FINISH_REASONS.get(self.answer.finish_reason, "stop")

    def annotations(self) -> list[dict[str, JsonValue]]:
        """Each marker of the text: where it stands, and the address and title of its source."""
        sources = {source.number: source for source in self.answer.sources}
        return [
            {
                "type": "url_citation",
                "start_index": self.offset + citation.start_index,
                "end_index": self.offset + citation.end_index,
                "url": self._address(source),
                "title": _line(source.title) or source.site,
            }
            for citation in self.answer.citations
            if (source := sources.get(citation.source_number)) is not None
        ]

    def addresses(self) -> list[str]:
        """Of the sources, so that `[n]` is at `n - 1`; empty at a number that no source has."""
        return [self._address(source) if source else "" for source in self._numbered()]

    def search_results(self) -> list[dict[str, JsonValue]]:
        """The sources, so that `[n]` is at `n - 1`."""
        return [self._search_result(source) for source in self._numbered()]

    def websearch(self) -> dict[str, JsonValue]:
        answer = self.answer
        statements = tuple(
            replace(
                statement,
                start_index=self.offset + statement.start_index,
                end_index=self.offset + statement.end_index,
            )
            for statement in answer.statements
        )
        return {
            "statements": to_json_value(statements),
            "notices": to_json_value(answer.notices),
            "search_queries": to_json_value(answer.search_queries),
            "verification": answer.verification,
            "unanswered": answer.unanswered,
            "finish_reason": answer.finish_reason,
        }

    def extra_fields(self) -> dict[str, JsonValue]:
        """What stands at the top of a reply beside OpenAI's own fields."""
        return {
            "citations": to_json_value(self.addresses()),
            "search_results": to_json_value(self.search_results()),
            "websearch": self.websearch(),
        }

    def _numbered(self) -> list[Source | None]:
        sources = {source.number: source for source in self.answer.sources}
        return [sources.get(number) for number in range(1, max(sources, default=0) + 1)]

    def _address(self, source: Source) -> str:
        return address_of(source, self.base)

    def _search_result(self, source: Source | None) -> dict[str, JsonValue]:
        if source is None:
            return {"title": "", "url": "", "date": None, "snippet": ""}
        read = source.summary or (source.passages[0].text if source.passages else "")
        snippet = visible_text(read)
        if len(snippet) > MAX_SNIPPET_CHARS:
            snippet = f"{snippet[:MAX_SNIPPET_CHARS].rstrip()}…"
        return {
            "title": _line(source.title) or source.site,
            "url": self._address(source),
            "date": source.date,
            "snippet": snippet,
        }


def address_of(source: Source, base: str) -> str:
    """Of the page, or of our own view of a document; empty if there is none."""
    link = source_link(source)
    return f"{base}{link}" if link.startswith("/") else link


def _line(text: str) -> str:
    return " ".join(visible_text(text).split())
