"""What the reader must know about how an answer came to be, in the question's language."""

from collections.abc import Sequence

from websearch_agent.prompts import language_name
from websearch_agent.types import EngineFailure


def builtin_notice(question: str, failures: Sequence[EngineFailure]) -> str:
    """No engine could be reached, nothing was indexed: the built-in collection answered."""
    reasons = _reasons(failures)
    if _is_chinese(question):
        return (
            f"没有搜索引擎可用（{reasons}）。本回答仅依据内置文档：本项目的文档和所安装 Python 包"
            "自带的说明。"
        )
    return (
        f"No web search engine could be reached ({reasons}). This answer rests on the built-in "
        "collection only: this project's documents and the descriptions of the installed Python "
        "packages."
    )


def local_only_notice(question: str, failures: Sequence[EngineFailure]) -> str:
    """The web's engines failed, the local index answered."""
    reasons = _reasons(failures)
    if _is_chinese(question):
        return f"没有网络搜索引擎可用（{reasons}）。本回答仅依据本地索引。"
    return (
        f"No web search engine could be reached ({reasons}). This answer rests on the local "
        "index only."
    )


def _reasons(failures: Sequence[EngineFailure]) -> str:
    if not failures:
        return "none is set up"
    return "; ".join(dict.fromkeys(f"{f.engine}: {f.reason}" for f in failures))


def _is_chinese(question: str) -> bool:
    return language_name(question) == "Chinese"
