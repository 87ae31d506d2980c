"""Asks a running server a list of questions and prints the answers, to be read by a person.

    python bench/questions.py bench/debian_questions.jsonl --url http://127.0.0.1:8000

A line of the file: `id`, `question`, optionally `follows` (the id of the question before it in
the same conversation) and `search: false` (the model should not search). Printed for each: the
decision, times in seconds, the sources, the answer, and for each statement the quote under it.
The last line is one JSON object with the figures that need no reading.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import httpx


def ask(client: httpx.Client, body: dict[str, object]) -> dict[str, object]:
    """The finished answer, with `first_word_s`, `decision` and `reason` as seen from outside."""
    seen: dict[str, object] = {}
    started, event = time.perf_counter(), ""
    headers = {"Accept": "text/event-stream"}
    with client.stream("POST", "/api/answers", json=body, headers=headers) as response:
        for line in response.iter_lines():
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:"):
                data = json.loads(line[5:])
                if event == "decision_made":
                    seen |= {"searched": data["search"], "reason": data["reason"]}
                elif event == "answer_delta" and "first_word_s" not in seen:
                    seen["first_word_s"] = time.perf_counter() - started
                elif event in ("answer_finished", "answer_failed"):
                    seen |= data
    return seen | {"total_s": time.perf_counter() - started}


def show(row: dict[str, object], answer: dict[str, object]) -> None:
    print(f"\n=== {row['id']}: {row['question']}")
    if "message" in answer:
        print(f"FAILED {answer['code']}: {answer['message']}")
        return
    first, total = answer.get("first_word_s", 0.0), answer["total_s"]
    print(f"searched={answer.get('searched')} ({answer.get('reason')})  {answer['search_queries']}")
    print(f"first word {first:.1f} s, all {total:.1f} s, {answer['usage']}")
    for source in answer["sources"]:
        places = [p["heading"] for p in source["passages"]]
        print(f"  [{source['number']}] {source['title']}  {source['url']}  {places}")
    print("---\n" + str(answer["text"]))
    for citation in answer["citations"]:
        print(f"    [{citation['source_number']}] “{citation['quote']}”")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--only", nargs="*", help="ids to ask")
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.questions.read_text().splitlines() if line]
    conversations: dict[str, object] = {}
    answers: list[tuple[dict[str, object], dict[str, object]]] = []
    with httpx.Client(base_url=arguments.url, timeout=600, trust_env=False) as client:
        for row in rows:
            if arguments.only and row["id"] not in arguments.only:
                continue
            body = {"question": row["question"]}
            if "follows" in row:
                body["conversation_id"] = conversations.get(row["follows"])
            answer = ask(client, body)
            conversations[row["id"]] = answer.get("conversation_id")
            answers.append((row, answer))
            show(row, answer)
            sys.stdout.flush()
    print(json.dumps(figures(answers)))


def figures(answers: list[tuple[dict[str, object], dict[str, object]]]) -> dict[str, object]:
    """What can be counted without reading."""
    done = [(row, answer) for row, answer in answers if "text" in answer]
    searched = [a for row, a in done if row.get("search", True)]
    statements = [s for a in searched for s in a["statements"]]
    return {
        "questions": len(answers),
        "answered": len(done),
        "decided_as_expected": sum(a.get("searched") == r.get("search", True) for r, a in done),
        "statements": len(statements),
        "statements_cited": sum(bool(s["source_numbers"]) for s in statements),
        "dropped_markers": sum(a["dropped_markers"] for a in searched),
        "first_word_s_median": round(statistics.median(a["first_word_s"] for _, a in done), 1),
        "total_s_median": round(statistics.median(a["total_s"] for _, a in done), 1),
    }


if __name__ == "__main__":
    main()
