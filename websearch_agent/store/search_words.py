"""What a conversation is searched by: its words without case and width, as they are stored.

Folded when it is written, not when it is searched: SQLite knows no case but that of ASCII, and
what is stored beside the answer need not be taken out of its JSON, sources and all.
"""

import unicodedata

from websearch_agent.invisible_text import visible_text


def fold(*texts: str) -> str:
    """The texts, a line between them, as they are compared."""
    return unicodedata.normalize("NFKC", visible_text("\n".join(texts))).casefold()


def search_words(text: str) -> tuple[str, ...]:
    """Each word once, folded. What is written without spaces is one word."""
    return tuple(dict.fromkeys(fold(text).split()))
