"""The characters of a body: header, byte order mark, meta element, then the bytes themselves."""

import codecs
import re

from charset_normalizer import from_bytes

_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
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
_META_SEARCH_BYTES = 4096
_GUESS_BYTES = 20_000
# A declared charset is wrong if more than this share of what it yields is replacement marks.
_MAX_DAMAGED_SHARE = 0.02


def decode_body(body: bytes, *, content_type: str) -> str:
    """Decode a text or HTML body; what no charset can read becomes U+FFFD."""
    for mark, charset in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, errors="replace")
    for charset in _declared_charsets(body, content_type):
        text = body.decode(charset, errors="replace")
        if text.count("\ufffd") <= _MAX_DAMAGED_SHARE * len(text):
            # Bytes that are valid UTF-8 with accents in them are UTF-8, whatever they claim.
            return _as_utf8(body) or text
    return _as_utf8(body) or body.decode(_guessed_charset(body), errors="replace")


def _declared_charsets(body: bytes, content_type: str) -> list[str]:
    labels = []
    if match := _HEADER_CHARSET.search(content_type):
        labels.append(match[1])
    if meta := _META_CHARSET.search(body[:_META_SEARCH_BYTES]):
        labels.append(meta[1].decode("ascii", errors="replace"))
    return [name for label in labels if (name := _codec_name(label))]


def _codec_name(label: str) -> str | None:
    try:
        info = codecs.lookup(label)
    except LookupError:
        return None
    name = info.name
    # Codecs such as base64 or rot13 are not charsets; UTF-16 without a mark is a wrong label.
    if not getattr(info, "_is_text_encoding", True) or name.startswith(("utf-16", "utf-7")):
        return None
    return _WIDER.get(name, name)


def _as_utf8(body: bytes) -> str | None:
    """The body as UTF-8, if it is; a character cut off at the very end is dropped."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return decoder.decode(body, final=False)
    except UnicodeDecodeError:
        return None


def _guessed_charset(body: bytes) -> str:
    head = body[:_GUESS_BYTES]
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
        ],
    ).best()
    return _WIDER.get(best.encoding, best.encoding) if best else "cp1252"
