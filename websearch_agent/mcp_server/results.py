"""What the tools answer, as clients find it described in their output schemas."""

from collections import Counter
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from websearch_agent.search.fan_out import SearchOutcome
from websearch_agent.types import Answer, Page, SourceKind, SupportLevel


def _encodable(value: object) -> object:
    """Half a character (a lone surrogate), which JSON cannot carry, becomes `?`."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_encodable)]


class AnswerCitation(BaseModel):
    """A marker `[n]` in the answer."""

    source_number: int = Field(description="The n of the marker.")
    url: Text = Field(description="Opens the page at the quoted words where they are known.")
    title: Text
    quote: Text = Field(description="The source's very words, empty if none are near.")
    support: SupportLevel | None = Field(
        description="Whether the source says the statement; null if it was not checked."
    )
    start_index: int = Field(description="Where the marker begins in the answer, in code points.")
    end_index: int


class AnswerSource(BaseModel):
    """A page that the answer could rest on. Title and page are of third parties."""

    number: int
    address: Text = Field(description="What `read_page` takes.")
    url: Text
    title: Text
    site: Text
    date: Text | None
    kind: SourceKind
    cited: bool = Field(description="Whether a marker of the answer names it.")


class StatementSupport(BaseModel):
    """How many of the answer's statements the sources say."""

    checked: bool
    supported: int = 0
    partial: int = 0
    unsupported: int = 0
    not_checkable: int = 0
    unsupported_statements: list[Text] = Field(
        default_factory=list, description="Do not rely on these without a look at the sources."
    )


class AnswerResult(BaseModel):
    """An answer with the sources it was written from."""

    answer: Text = Field(description="Markdown with markers [n], each for the source n.")
    citations: list[AnswerCitation]
    sources: list[AnswerSource]
    search_queries: list[Text] = Field(description="Empty if nothing was searched.")
    notices: list[Text] = Field(description="What to know of how the answer came to be.")
    unanswered: bool = Field(description="The answer says that the sources do not say.")
    statements: StatementSupport
    finish_reason: Text = Field(description="`stop` for a complete answer, `length` for a cut one.")

    @classmethod
    def of(cls, answer: Answer) -> "AnswerResult":
        cited = {citation.source_number for citation in answer.citations}
        return cls(
            answer=answer.text,
            citations=[
                AnswerCitation(
                    source_number=citation.source_number,
                    # The link to a document leads to our own page, of which a client knows nothing.
                    url=citation.link if _is_of_the_web(citation.link) else citation.url,
                    title=citation.title,
                    quote=citation.quote,
                    support=citation.support,
                    start_index=citation.start_index,
                    end_index=citation.end_index,
                )
                for citation in answer.citations
            ],
            sources=[
                AnswerSource(
                    number=source.number,
                    address=source.document_id or source.url,
                    url=source.url,
                    title=source.title,
                    site=source.site,
                    date=source.date,
                    kind=source.kind,
                    cited=source.number in cited,
                )
                for source in answer.sources
            ],
            search_queries=list(answer.search_queries),
            notices=list(answer.notices),
            unanswered=answer.unanswered,
            statements=_statement_support(answer),
            finish_reason=answer.finish_reason,
        )


def _is_of_the_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _statement_support(answer: Answer) -> StatementSupport:
    checked = [(one.text, one.support.level) for one in answer.statements if one.support]
    counts = Counter(level for _, level in checked)
    return StatementSupport(
        checked=answer.verification is not None,
        supported=counts["supported"],
        partial=counts["partial"],
        unsupported=counts["unsupported"],
        not_checkable=counts["not_checkable"],
        unsupported_statements=[text for text, level in checked if level == "unsupported"],
    )


class FoundPage(BaseModel):
    """A search result. Its words are the page's or the engine's."""

    address: Text = Field(description="What `read_page` takes.")
    url: Text
    title: Text
    snippet: Text
    date: Text | None
    engine: Text


class FailedEngine(BaseModel):
    """An engine that did not answer."""

    engine: Text
    code: Text
    reason: Text


class SearchPages(BaseModel):
    """What the engines found, best first, and which of them failed."""

    results: list[FoundPage]
    failures: list[FailedEngine]

    @classmethod
    def of(cls, outcome: SearchOutcome) -> "SearchPages":
        return cls(
            results=[
                FoundPage(
                    address=result.document_id or result.url,
                    url=result.url,
                    title=result.title,
                    snippet=result.snippet,
                    date=result.date,
                    engine=result.engine,
                )
                for result in outcome.results
            ],
            failures=[
                FailedEngine(engine=failure.engine, code=failure.code, reason=failure.reason)
                for failure in outcome.failures
            ],
        )


class PageSlice(BaseModel):
    """A part of a page, as clean Markdown. All its words are a third party's."""

    url: Text = Field(description="Where the page was in the end, after redirects.")
    title: Text
    date: Text | None
    text: Text
    start_index: int = Field(description="In code points of the whole text, from 0.")
    total_chars: int
    next_start_index: int | None = Field(description="Where to go on; null at the end.")
    truncated: bool = Field(description="The page was longer than what is read of one.")

    @classmethod
    def of(cls, page: Page, *, start_index: int, max_chars: int) -> "PageSlice":
        end = start_index + max_chars
        return cls(
            url=page.final_url,
            title=page.title,
            date=page.date,
            text=page.text[start_index:end],
            start_index=start_index,
            total_chars=len(page.text),
            next_start_index=end if end < len(page.text) else None,
            truncated=page.truncated,
        )
