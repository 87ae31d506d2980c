"""The characters of a body: header, byte order mark, meta element, then the bytes themselves."""

import codecs
import re

from charset_normalizer import from_bytes

_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
# Bounded, or thousands of open tags would take minutes.
_META_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# UTF-16 without a mark is known by its first tag; its label alone is mostly wrong.
_UTF16_STARTS = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
# What browsers read under these labels (WHATWG Encoding Standard): always the larger set.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
# Labels of the same standard, and some common ones, that Python does not know.
_MISSING_LABELS = {
    "cn-big5": "big5",
    "dos-874": "cp874",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601-1989": "euc_kr",
    "logical": "iso8859-8",
    "unicode-1-1-utf-8": "utf-8",
    "visual": "iso8859-8",
    "win-1251": "cp1251",
    "windows-874": "cp874",
    "windows-949": "cp949",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "cp932",
    "x-x-big5": "big5",
    **{f"x-cp{number}": f"cp{number}" for number in range(1250, 1259)},
}
_META_SEARCH_BYTES = 65_536
_GUESS_BYTES = 20_000
_JUDGED_BYTES = 200_000
_FAR_EAST_ESCAPE = re.compile(rb"\x1b\$[@B]")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]")
_HIGH_RUNS = re.compile(rb"[\x80-\xff]{4,}")
# S and Z with caron, and three letters of Polish, in windows-1250; in 1252 mostly signs.
_CENTRAL_EUROPEAN = re.compile(rb"[\x8a\x8e\x9a\x9e\xb3\xb9\xbf]")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")
# A declared charset is wrong if more than this share of what it yields is replacement marks, or
# of those code points for private use that the large Chinese charsets fill up with.
_MAX_DAMAGED_SHARE = 0.02
# A page of UTF-8 may hold some broken characters; another charset read as UTF-8 holds little else.
_MAX_BROKEN_UTF8 = 0.1


def decode_body(body: bytes, *, content_type: str) -> str:
    """Decode a text or HTML body; what no charset can read becomes U+FFFD."""
    for mark, charset in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, errors="replace")
    for start, charset in _UTF16_STARTS:
        if body.startswith(start):
            return body.decode(charset, errors="replace")
    # Bytes that are UTF-8 with accents in them are UTF-8, whatever they claim.
    as_utf8 = None if body.isascii() else _as_utf8(body)
    if as_utf8 is not None:
        return as_utf8
    for charset in _declared_charsets(body, content_type):
        if charset == "cp1252" and _is_far_from_latin(body):
            continue
        text = body.decode(charset, errors="replace")
        damaged = text.count("\ufffd") + len(_PRIVATE_USE.findall(text))
        if damaged <= _MAX_DAMAGED_SHARE * len(text):
            return text
    return body.decode(_guessed_charset(body), errors="replace")


def _declared_charsets(body: bytes, content_type: str) -> list[str]:
    labels = []
    if match := _HEADER_CHARSET.search(content_type):
        labels.append(match[1])
    if meta := _META_CHARSET.search(body[:_META_SEARCH_BYTES]):
        labels.append(meta[1].decode("ascii", errors="replace"))
    return [name for label in labels if (name := _codec_name(label))]


def _codec_name(label: str) -> str | None:
    try:
        info = codecs.lookup(_MISSING_LABELS.get(label.lower(), label))
    except LookupError:
        return None
    name = info.name
    # Codecs such as base64 or rot13 are not charsets; UTF-16 without a mark is a wrong label.
    if not getattr(info, "_is_text_encoding", True) or name.startswith(("utf-16", "utf-7")):
        return None
    return _WIDER.get(name, name)


def _as_utf8(body: bytes) -> str | None:
    """The body as UTF-8, if it is; a character cut off at the very end is dropped."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(body, final=False)
    if "\ufffd" not in text:
        return None if text.isascii() else text  # all that was left may be half a character
    beyond_ascii = len(text) - len(text.encode("ascii", errors="ignore"))
    return text if text.count("\ufffd") <= _MAX_BROKEN_UTF8 * beyond_ascii else None


def _is_far_from_latin(body: bytes) -> bool:
    """Whether most bytes beyond ASCII stand in rows, as no Latin script has them.

    Servers add `iso-8859-1` on their own to pages of any charset.
    """
    head = body[:_JUDGED_BYTES]
    in_rows = sum(map(len, _HIGH_RUNS.findall(head)))
    return in_rows * 2 > len(_HIGH_BYTES.findall(head))


def _guessed_charset(body: bytes) -> str:
    first = _HIGH_BYTES.search(body)
    if first is None:
        return "iso2022_jp" if _FAR_EAST_ESCAPE.search(body) else "cp1252"
    head = body[first.start() : first.start() + _GUESS_BYTES]
    best = from_bytes(
        head,
        cp_isolation=[
            "gb18030",
            "big5",
            "cp932",
            "euc_jp",
            "cp949",
            "cp1252",
            "cp1251",
            "cp1250",
            "cp1253",
            "cp1254",
            "koi8_r",
            "cp1256",
            "cp874",
        ],
    ).best()
    if best is None or (best.encoding == "cp1250" and not _CENTRAL_EUROPEAN.search(head)):
        return "cp1252"
    return _WIDER.get(best.encoding, best.encoding)
