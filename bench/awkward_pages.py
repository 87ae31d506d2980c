"""Answers over pages that misbehave, and in small windows, with the mocks of the measuring folder.

    python bench/awkward_pages.py ../shared/mocks

The folder holds `mock_servers.py`, a model, a search engine and a web on one loopback port. Each
page of that web states one fact; each kind of awkward page is ranked first, alone and all together.
The last line is one JSON object; exit status 1 if an answer failed, stated fewer than its true
facts (four, two in a window of 2,048 tokens), or an awkward page became a source.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from pathlib import Path
from types import ModuleType

from mocks import ask, configure, program_on, running_mocks

from websearch_agent.events import AnswerFinished
from websearch_agent.types import Source
from websearch_agent.wiring import AgentService

KINDS = (
    "slow",
    "drip",
    "huge",
    "404",
    "403",
    "500",
    "empty",
    "binary",
    "loop",
    "to-internal",
    "spa",
)
# Read as what it is: a Chinese page whose characters are named in its markup only.
READABLE_KINDS = ("gbk",)
_MARKER = re.compile(r" ?\[\d+\]")
CALM = {
    "search_ms": 100,
    "page_ms": 100,
    "search_special": [],
    "search_results": 8,
    "context_limit": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mocks", type=Path)
    with running_mocks(parser.parse_args().mocks) as (base, world):
        rows = asyncio.run(measure(world, base))
    print(json.dumps({"eval": "awkward_pages", "rows": rows}))
    sys.exit(any(_is_bad(row) for row in rows))


def _is_bad(row: dict[str, object]) -> bool:
    wanted = 2 if "2048" in str(row["case"]) else 4
    return bool(row["failed"] or row["awkward_sources"] or int(str(row["true_facts"])) < wanted)


async def measure(world: ModuleType, base: str) -> list[dict[str, object]]:
    cases: list[tuple[str, dict[str, object], dict[str, object]]] = [
        (kind, {"search_special": [kind]}, {}) for kind in (*KINDS, *READABLE_KINDS)
    ]
    every_kind = {"search_special": [*KINDS, *READABLE_KINDS], "search_results": 20}
    cases.append(("all together", every_kind, {}))
    for window in (4096, 2048):
        limited = {"context_limit": window}
        cases.append((f"window {window}", limited, {"context_window": window}))
        cases.append(
            (f"server refuses above {window}, says 8192", limited, {"context_window": 8192})
        )
        summaries = {"context_window": window, "evidence": "summaries"}
        cases.append((f"window {window}, summaries", limited, summaries))
    rows = []
    for number, (name, mocks, settings) in enumerate(cases, start=1):
        await configure(base, {**CALM, **mocks})
        async with program_on(base, **settings) as service:
            row = {"case": name, **await _answer(service, f"topic-{number}", world)}
        rows.append(row)
        print(json.dumps(row), file=sys.stderr)
    return rows


async def _answer(service: AgentService, topic: str, world: ModuleType) -> dict[str, object]:
    started = time.perf_counter()
    end = await ask(service, topic)
    seconds = round(time.perf_counter() - started, 2)
    if not isinstance(end, AnswerFinished):
        return {"failed": end.code, "seconds": seconds}
    answer = end.answer
    facts = world.facts_in(_MARKER.sub("", answer.text))
    true = {fact for fact in facts if world.fact(fact[1], fact[2]) == fact[0]}
    return {
        "failed": "",
        "seconds": seconds,
        "true_facts": len({fact for fact in true if fact[1] == topic}),
        "cited": len({citation.source_number for citation in answer.citations}),
        "sources": len(answer.sources),
        "snippets": sum(source.kind == "snippet" for source in answer.sources),
        "awkward_sources": [s.url for s in answer.sources if _is_awkward(s)],
        "page_failures": {f.url.rpartition("/")[2]: f.code for f in answer.page_failures},
        "model_calls": answer.usage.model_calls,
    }


def _is_awkward(source: Source) -> bool:
    """A page that should not have been read; its snippet, marked as one, may stand."""
    kind = source.url.partition("/special/")[2].partition("?")[0]
    return source.kind != "snippet" and kind in KINDS


if __name__ == "__main__":
    main()
