"""Are a model's inventions marked? Asked with the mocks of the measuring folder.

    python bench/unsupported_claims.py ../shared/mocks [-n 20]

The mock's model adds to its answers a claim that no page makes (citing source 1), and one that
cites source 99, which does not exist. The last line is one JSON object; exit status 1 if the
invented claim passed as supported or in part, a true fact was called unsupported, or number 99
stood in an answer.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

from mocks import ask, configure, program_on, running_mocks

from websearch_agent.events import AnswerFinished
from websearch_agent.types import Answer, Statement

INVENTED = "invented on the Moon"
ACCEPTED = ("supported", "partial")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mocks", type=Path)
    parser.add_argument("-n", type=int, default=20, help="questions")
    arguments = parser.parse_args()
    with running_mocks(arguments.mocks) as (base, world):
        figures = asyncio.run(measure(world, base, questions=arguments.n))
    print(json.dumps({"eval": "unsupported_claims", **figures}))
    bad = figures["invented_accepted"] + figures["true_unsupported"] + figures["source_99_shown"]
    sys.exit(bool(bad or figures["failed"] or not figures["invented"]))


async def measure(world: ModuleType, base: str, *, questions: int) -> Counter[str]:
    await configure(base, {"extra": "hallucinate,badcite", "search_ms": 20, "page_ms": 20})
    figures: Counter[str] = Counter(dict.fromkeys(FIGURES, 0))
    async with program_on(base) as service:
        for number in range(questions):
            end = await ask(service, f"topic-{number}")
            figures["questions"] += 1
            if isinstance(end, AnswerFinished):
                figures.update(count(end.answer, world))
            else:
                figures["failed"] += 1
    return figures


FIGURES = (
    "failed",
    "invented",
    "invented_accepted",
    "true_facts",
    "true_unsupported",
    "source_99_shown",
    "dropped_markers",
)


def count(answer: Answer, world: ModuleType) -> Counter[str]:
    figures: Counter[str] = Counter()
    for statement in answer.statements:
        level = statement.support.level if statement.support else "not checked"
        if INVENTED in statement.text:
            figures["invented"] += 1
            figures["invented_accepted"] += level in ACCEPTED
        elif _is_true(statement, world):
            figures["true_facts"] += 1
            figures["true_unsupported"] += level == "unsupported"
    figures["source_99_shown"] += "99]" in answer.text
    figures["source_99_shown"] += any(c.source_number == 99 for c in answer.citations)
    figures["dropped_markers"] += answer.dropped_markers
    return figures


def _is_true(statement: Statement, world: ModuleType) -> bool:
    text = statement.text.split(" [")[0] + "."
    return any(world.fact(fact[1], fact[2]) == fact[0] for fact in world.facts_in(text))


if __name__ == "__main__":
    main()
