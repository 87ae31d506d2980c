"""A self-hosted answer engine: asks, searches, reads, and cites what it read.

    from websearch_agent import Agent

See `python_api` for how to use it. Names come from their modules when they are first used, so that
the command line starts quickly; `__init__.pyi` tells type checkers.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = {
    "python_api": ("Agent", "AgentConversation"),
    "python_options": ("AskOptions",),
    "config": ("Settings",),
    "errors": ("AgentError",),
    "search.fan_out": ("SearchOutcome",),
    "types": (
        "Answer",
        "Citation",
        "Page",
        "SearchResult",
        "Source",
        "Statement",
        "Support",
    ),
    "events": (
        "AgentEvent",
        "AnswerDelta",
        "AnswerFailed",
        "AnswerFinished",
        "AnswerRestarted",
        "AnswerStarted",
        "CitationAdded",
        "DecisionMade",
        "FunctionsCalled",
        "ModelWaiting",
        "Notice",
        "PageFinished",
        "ReasoningAdded",
        "SearchFinished",
        "SourcesSelected",
        "StatementVerified",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
