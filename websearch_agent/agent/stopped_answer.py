"""What can still be checked of an answer that was stopped before `verify_citations`."""

import logging
from datetime import date

from websearch_agent.agent.state import WrittenAnswer
from websearch_agent.agent.verification import check_statements
from websearch_agent.citations.markers import Marker
from websearch_agent.events import StatementVerified
from websearch_agent.types import Answer, Evidence, Prompt

_ENDS = (".", "!", "?", "。", "！", "？", "]", "|", ":", "：")

_log = logging.getLogger(__name__)


def check_stopped(answer: Answer, question: str, *, today: date) -> list[StatementVerified]:
    """Each whole statement that was not checked yet against the words of the sources.

    The last one is left out where it breaks off. Milliseconds a statement, and never an error:
    the answer must be stored, checked or not.
    """
    if not answer.sources or answer.verification is not None:
        return []
    searched = Evidence(answer.search_queries, answer.sources) if answer.search_queries else None
    markers = [
        Marker(c.source_number, c.start_index, c.end_index, c.added) for c in answer.citations
    ]
    if searched is None and not markers:
        return []  # A chat turn, as in `verify_citations`.
    prompt = Prompt(today, question, evidence=searched)
    sources = {source.number: source for source in answer.sources}
    written = WrittenAnswer(answer.text, tuple(markers), prompt, sources)
    try:
        checked = check_statements(written, question=question)
    except Exception:  # noqa: BLE001 - logged; see above
        _log.exception("a stopped answer could not be checked")
        return []
    end = len(answer.text.rstrip())
    is_whole = answer.text.rstrip().endswith(_ENDS)
    return [check for check in checked if is_whole or check.statement.end_index < end]
