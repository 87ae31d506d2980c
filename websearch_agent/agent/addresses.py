"""Web addresses that the person wrote into the question: a search opens these."""

import re

MAX_ADDRESSES = 3
# Up to white space, quotation marks and CJK punctuation. Chinese and kana may belong to the path
# (…/wiki/北京) or to the sentence (看https://a.org/b的内容): see `shorter_address`.
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])(?:https?://|www\.)[^\s<>\"`“”‘’「」『』《》【】（），。；：、！？]+",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TRAILING = ".,;:!?*_~'|"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def find_addresses(question: str) -> tuple[str, ...]:
    """The first few `http(s)` addresses, each once; `www.…` gets its `https://`."""
    found = [_whole(_trim(match.group())) for match in _ADDRESS.finditer(question)]
    return tuple(dict.fromkeys(address for address in found if "." in address))[:MAX_ADDRESSES]


def shorter_address(address: str) -> str | None:
    """The address up to its first Chinese, Japanese or Korean letter, None if it has none.

    To be tried when the whole cannot be read: these languages write no blank behind an address.
    """
    found = _CJK.search(address)
    shorter = _trim(address[: found.start()]) if found else ""
    return shorter if "." in shorter else None


def without_addresses(text: str) -> str:
    """The text with a blank for each address: what is left to search and to rank by."""
    return " ".join(_ADDRESS.sub(" ", text).split())


def _trim(address: str) -> str:
    """Without the punctuation of the sentence round it; `/wiki/Go_(game)` keeps its bracket."""
    while address:
        last = address[-1]
        opening = _BRACKETS.get(last)
        if last in _TRAILING or (opening and address.count(last) > address.count(opening)):
            address = address[:-1]
        else:
            break
    return address


def _whole(address: str) -> str:
    return address if "://" in address else f"https://{address}"
