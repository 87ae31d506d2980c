"""Filling the local index: a person's own documents, and the built-in collection."""

from websearch_agent.indexing.builtin import build_builtin_collection, is_builtin_current
from websearch_agent.indexing.targets import IndexProgress, IndexReport, index_targets

__all__ = [
    "IndexProgress",
    "IndexReport",
    "build_builtin_collection",
    "index_targets",
    "is_builtin_current",
]
