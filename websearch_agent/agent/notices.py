"""What the reader must know about how an answer came to be, in the question's language."""

from collections.abc import Callable, Sequence

from websearch_agent.agent.addresses import without_addresses
from websearch_agent.agent.state import AgentContext
from websearch_agent.events import (
    Notice,
)
from websearch_agent.prompts import language_name
from websearch_agent.types import EngineFailure, PageFailure


def tell_once(notice: str, context: AgentContext, emit: Callable[[object], None]) -> None:
    """Emit it, unless an earlier search for the same question has."""
    if notice not in context.notices_given:
        context.notices_given.add(notice)
        emit(Notice(notice))


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


def uncited_notice(question: str) -> str:
    """The model was shown sources and named none."""
    if _is_chinese(question):
        return "本回答没有注明任何来源，请对照下面读过的资料核实。"
    return "This answer names no source: check it against the sources that were read."


def nothing_found_notice(question: str) -> str:
    """There was a search, and nothing to answer from."""
    if _is_chinese(question):
        return "搜索没有找到任何资料。本回答出自模型自身的知识，请自行核实。"
    return "The search found nothing to read: this answer is the model's own knowledge. Check it."


def snippets_only_notice(question: str) -> str:
    """No page could be read; the engines' snippets are all there is."""
    if _is_chinese(question):
        return "找到的网页都无法读取。本回答仅依据搜索引擎给出的摘要。"
    return (
        "None of the pages that were found could be read. This answer rests only on what the "
        "search engines show of them."
    )


def ranking_notice(question: str, failure: str) -> str:
    """The ranking server gave no scores."""
    if _is_chinese(question):
        return f"本回答所用的段落仅按字词排序选出，因为排序服务不可用：{failure}"
    return f"The passages for this answer were chosen by their words alone: {failure}"


def no_summary_notice(question: str) -> str:
    """Summaries were asked for, and none of them says anything, or none could be made."""
    if _is_chinese(question):
        return "没有得到与问题有关的网页摘要，因此向模型展示了网页原文片段。"
    return (
        "No page could be summarised for this question, or no summary said anything about it: the "
        "model was shown the pages' passages instead."
    )


def unjudged_notice(question: str) -> str:
    """The model was to judge the statements, and could not judge all."""
    if _is_chinese(question):
        return "模型未能核对全部语句，其余语句仅按字词核对。"
    return "The model could not judge every statement: the others were checked by words alone."


def repaired_notice(question: str, count: int) -> str:
    """The answer was written anew because of so many unsupported statements."""
    if _is_chinese(question):
        return f"初稿中有 {count} 句话在资料中没有依据，回答已重写。"
    what = "one statement" if count == 1 else f"{count} statements"
    return f"The first version held {what} that no source supports; the answer was written anew."


def unrepaired_notice(question: str) -> str:
    """An answer with unsupported statements was to be written anew, and is no better."""
    if _is_chinese(question):
        return "回答中有些话在资料中没有依据，重写后仍未改善，请留意带标记的语句。"
    return (
        "Some statements are not supported by the sources, and writing the answer anew did not "
        "help: see those that are marked."
    )


def address_notice(question: str, failure: PageFailure) -> str:
    """A page that the person named could not be read."""
    if _is_chinese(question):
        return f"无法打开 {failure.url}：{failure.reason}"
    return f"{failure.url} could not be opened: {failure.reason}"


def cut_notice(question: str, finish_reason: str) -> str:
    """The answer ended before the model was done; empty if it did not."""
    chinese = _is_chinese(question)
    if finish_reason == "length":
        if chinese:
            return "回答达到长度上限，在此中断（WEBSEARCH_ANSWER_TOKENS）。请继续追问，或缩小问题。"
        return (
            "The answer was cut at its longest length (WEBSEARCH_ANSWER_TOKENS). Ask it to go on, "
            "or ask for less at once."
        )
    if finish_reason == "repetition":
        if chinese:
            return "模型开始重复同样的内容，回答在此中断。请换一种问法。"
        return "The model began to repeat itself and was stopped here. Ask in other words."
    return ""


def no_filter_message(question: str, failures: Sequence[EngineFailure]) -> str:
    """Every engine was left out, because it cannot honour a filter of the question."""
    reasons = _reasons(failures)
    if _is_chinese(question):
        return (
            f"已配置的搜索引擎都不支持这些筛选条件（{reasons}）。请去掉筛选条件再问，或在 "
            "WEBSEARCH_ENGINES 中加入支持它们的引擎（见 README 的 Engines 一节）。"
        )
    return (
        f"None of the configured engines takes these filters ({reasons}). Ask without them, or add "
        "an engine that takes them to WEBSEARCH_ENGINES (README, Engines)."
    )


def no_engine_message(
    question: str, failures: Sequence[EngineFailure], *, builtin_asked: bool
) -> str:
    """Nobody could be asked: who, why, and what to do about it."""
    reasons = _reasons(failures)
    if _is_chinese(question):
        also = "内置文档中也没有相关内容。" if builtin_asked else ""
        return (
            f"没有搜索引擎可用（{reasons}）。{also}不搜索也可以直接回答（search=never）。要搜索：请检查网络，"
            "或设置 WEBSEARCH_SEARXNG_URL 和 WEBSEARCH_ENGINES=searxng,local，或用 "
            "websearch-agent index PATH 索引自己的文档。"
        )
    also = "The built-in collection holds nothing about it. " if builtin_asked else ""
    return (
        f"No search engine answered ({reasons}). {also}It can still be answered without searching "
        "(search=never). To search: check the network, set WEBSEARCH_SEARXNG_URL and "
        "WEBSEARCH_ENGINES=searxng,local, or index documents of your own with "
        "websearch-agent index PATH."
    )


def _reasons(failures: Sequence[EngineFailure]) -> str:
    if not failures:
        return "none is set up"
    return "; ".join(dict.fromkeys(f"{f.engine}: {f.reason}" for f in failures))


def _is_chinese(question: str) -> bool:
    return language_name(without_addresses(question)) == "Chinese"
