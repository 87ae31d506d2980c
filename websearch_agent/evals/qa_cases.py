"""What a question is asked over: its documents, and what is right."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.documents import Collection, DocumentRow, document_paths, read_collection
from websearch_agent.evals.found_pages import GivenPage
from websearch_agent.evals.gold_answers import Golds, has_answer
from websearch_agent.evals.program import ContextTurn
from websearch_agent.evals.qa_rows import (
    PAGES_FOLDER,
    PageRow,
    PassageRow,
    QaRow,
    all_of,
    any_of,
    any_wording,
    as_document_rows,
    read_html,
)
from websearch_agent.evals.rows import read_files

MAX_SHOWN = 5
MAX_GOLD_SHOWN = 2
# Of other questions of the same source, for one that nothing answers.
LOOK_ALIKES = 3


@dataclass(frozen=True, slots=True)
class QaCase:
    """A question as it is asked. `pages` makes what a search finds.

    Right is an answer with one of `golds` and none of `wrong`. `gold_ids` are the pages that are
    known to answer; `unjudged_ids` may or may not. None: which pages do is not known.
    """

    id: str
    form: str
    lang: str
    src: str
    question: str
    pages: Callable[[], Sequence[GivenPage]]
    golds: Golds = ()
    wrong: Golds = ()
    gold_ids: frozenset[str] | None = None
    unjudged_ids: frozenset[str] = frozenset()
    turns: tuple[ContextTurn, ...] = ()
    reference: str = ""
    answerability: str = "ANSWERABLE"
    asked_on: date | None = None


def read_qa_cases(paths: Sequence[Path]) -> list[QaCase]:
    """Every question of the files. Raises InvalidRequest for a row without its documents."""
    rows = read_files(paths, QaRow)
    collections = {path: read_collection(path) for path in _with_collection(rows)}
    look_alikes = _look_alikes(rows)
    cases = []
    for path, id_, row in rows:
        known = QaCase(
            id_,
            row.form or "",
            row.lang,
            row.src,
            row.asked,
            lambda: (),
            turns=row.turns,
            reference=row.reference,
            asked_on=row.asked_on,
        )
        if row.form == "collection":
            cases.append(_collection_case(known, row, collections[path], path))
        elif row.form == "counterfactual":
            cases += _counterfactual_cases(known, row)
        elif row.form == "conversation":
            cases.append(_conversation_case(known, row, look_alikes[path, row.src]))
        elif row.form == "pages":
            cases.append(_pages_case(known, row, path))
        else:
            shown = partial(_in_order, known.id, as_pages(row.passages or (), id_))
            cases.append(replace(known, golds=any_of(row.answers), pages=shown))
    return cases


def qa_files(paths: Sequence[Path]) -> list[Path]:
    """The files and what lies beside them that their rows are made of."""
    rows = read_files(paths, QaRow)
    corpora = [file for path in _with_collection(rows) for file in document_paths(path)]
    pages = {
        path.parent / PAGES_FOLDER / f"{page}.html.gz"
        for path, _, row in rows
        for page in (row.page, *(ref.page for ref in row.pages))
        if page
    }
    return [*paths, *corpora, *sorted(pages)]


def _with_collection(rows: Sequence[tuple[Path, str, QaRow]]) -> list[Path]:
    return list(dict.fromkeys(path for path, _, row in rows if row.form == "collection"))


def as_pages(passages: Sequence[PassageRow], prefix: str) -> list[GivenPage]:
    rows = as_document_rows(passages, prefix)
    return [
        replace(_as_page(row), date=passage.date)
        for row, passage in zip(rows, passages, strict=True)
    ]


def _as_page(row: DocumentRow) -> GivenPage:
    return GivenPage(row.id, row.text, row.title, row.url)


def _in_order(case_id: str, pages: Sequence[GivenPage]) -> list[GivenPage]:
    """In an order that tells nothing, the same one every time."""

    def place(page: GivenPage) -> str:
        return hashlib.sha256(f"{case_id} {page.id}".encode()).hexdigest()

    return sorted(pages, key=place)


def _collection_case(case: QaCase, row: QaRow, collection: Collection, path: Path) -> QaCase:
    gold = [id_ for id_ in (*row.qrels, *row.docs) if id_ in collection.documents]
    if not gold:
        raise InvalidRequest(
            f"{path}: none of the documents of {row.id!r} is in the files beside it."
        )
    weak = frozenset(row.qrels_weak) - set(gold)
    return replace(
        case,
        golds=any_wording(row.answers),
        gold_ids=frozenset(gold),
        unjudged_ids=weak,
        pages=partial(_collection_pages, case, row, gold, collection),
    )


def _collection_pages(
    case: QaCase, row: QaRow, gold: Sequence[str], collection: Collection
) -> list[GivenPage]:
    """Two documents that answer, and others that a search finds: those that were found for the
    question when it was collected, else those whose words fit it best.
    """
    others = [*row.retrieved, *row.negatives] or collection.ranked_ids(case.question)
    rest = [id_ for id_ in dict.fromkeys(others) if id_ not in gold and id_ in collection.documents]
    ids = [*gold[:MAX_GOLD_SHOWN], *rest]
    return _in_order(case.id, [_as_page(collection.documents[id_]) for id_ in ids[:MAX_SHOWN]])


def _counterfactual_cases(case: QaCase, row: QaRow) -> list[QaCase]:
    """Asked twice: over pages with an invented answer, which is to be followed, and over true ones.

    A true answer that is a part of the invented one says nothing against it.
    """
    true, fake = all_of(row.answer), all_of(row.fake_answer)
    against = tuple(
        gold for gold in true if not any(has_answer(" ".join(f), (gold,)) for f in fake)
    )
    invented = as_pages(row.counterfactual_passages, f"{row.id}/fake")
    real = as_pages(row.true_passages, f"{row.id}/true")
    return [
        replace(
            case,
            id=f"{case.id}/counterfactual",
            golds=fake,
            wrong=against,
            pages=partial(_in_order, case.id, invented),
        ),
        replace(
            case,
            id=f"{case.id}/true",
            form="true_passages",
            golds=true,
            pages=partial(_in_order, case.id, real),
        ),
    ]


def _conversation_case(case: QaCase, row: QaRow, look_alikes: Collection) -> QaCase:
    """A question that nothing answers is asked over passages of other questions that look alike:
    what a search finds is never empty.
    """
    own = as_pages(row.passages or (), case.id)
    shown = partial(_in_order, case.id, own)
    if not own:
        shown = partial(_look_alike_pages, case, look_alikes)
    return replace(case, answerability=row.answerability, pages=shown)


def _look_alikes(
    rows: Sequence[tuple[Path, str, QaRow]],
) -> Mapping[tuple[Path, str], Collection]:
    """The passages of all conversations of a source, by file and source."""
    documents: dict[tuple[Path, str], list[DocumentRow]] = {}
    for path, id_, row in rows:
        if row.form == "conversation":
            found = documents.setdefault((path, row.src), [])
            found += as_document_rows(row.passages or (), id_)
    return {key: Collection(found) for key, found in documents.items()}


def _look_alike_pages(case: QaCase, collection: Collection) -> list[GivenPage]:
    if not collection.documents:
        return []
    ids = collection.ranked_ids(case.question)[:LOOK_ALIKES]
    return _in_order(case.id, [_as_page(collection.documents[id_]) for id_ in ids])


def _pages_case(case: QaCase, row: QaRow, path: Path) -> QaCase:
    named = row.pages or (PageRow(page=row.page or "", url=row.url),)
    for page in named:
        file = path.parent / PAGES_FOLDER / f"{page.page}.html.gz"
        if not file.is_file():
            raise InvalidRequest(f"{path}: the page of {row.id!r} is missing: {file}.")
    return replace(
        case, golds=any_of(row.answers), pages=partial(_html_pages, case.id, named, path)
    )


def _html_pages(case_id: str, named: Sequence[PageRow], path: Path) -> list[GivenPage]:
    return _in_order(
        case_id,
        [
            GivenPage(
                page.page,
                title=page.title,
                url=page.url,
                html=read_html(path, page.page),
                snippet=page.snippet,
            )
            for page in named
        ],
    )
