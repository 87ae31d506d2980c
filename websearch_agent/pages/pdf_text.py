"""PDF → text by PDFium, without text that is printed invisibly or too small to be seen.

Text in the colour of the paper, behind a picture or beyond the page's edge is not told apart: that
would need rendering.
"""

import ctypes
import math
import re

import pypdfium2
from pypdfium2 import raw
from pypdfium2.raw import FPDF_ERR_PASSWORD

from websearch_agent.errors import PageEmpty

_HYPHENATED = re.compile(r"(?<=\w)[\ufffe\x02](?:\r?\n)?|(?<=[a-z])-\r?\n(?=[a-z])")
_WRAPPED_CJK = re.compile(
    r"(?<=[\u3040-\u30ff\u3400-\u9fff，、])\r?\n(?=[\u3040-\u30ff\u3400-\u9fff])"
)
_WRAPPED = re.compile(r"(?<=[^\s.!?:;。！？：])\r?\n(?=[a-z0-9(“\"'])")


# Of one object: text states hundreds of them a page, and drawings hundreds of thousands.
_MAX_OBJECTS = 20_000
_MIN_FONT_PT = 2.0
_INVISIBLE_MODES = frozenset({raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP})


def extract_pdf(body: bytes, *, max_chars: int) -> tuple[str, str, bool, int]:
    """Title, text (pages apart by a blank line), whether there was more than `max_chars`, and the
    number of hidden pieces that were left out.

    Raises PageEmpty for damaged or locked files and for scans without text.
    """
    try:
        document = pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise PageEmpty("the PDF is locked with a password") from error
        raise PageEmpty(f"the PDF cannot be opened: {error}") from error
    try:
        pages: list[str] = []
        chars = hidden_parts = 0
        for page in document:
            found, hidden = _seen_text(page)
            hidden_parts += hidden
            text = _joined_lines(found)
            pages.append(text)
            chars += len(text)
            if chars > max_chars:
                break
        title = str(document.get_metadata_value("Title") or "")
        truncated = len(pages) < len(document)
    except pypdfium2.PdfiumError as error:
        raise PageEmpty(f"the PDF is damaged: {error}") from error
    finally:
        document.close()
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise PageEmpty("the PDF holds pictures of pages (a scan), but no text")
    return title or text.split("\n", 1)[0][:120], text, truncated, hidden_parts


def _seen_text(page: pypdfium2.PdfPage) -> tuple[str, int]:
    """The page's text without hidden pieces, and how many these were.

    A scan has its recognised text invisibly over the picture: where most of the text is hidden, it
    is read.
    """
    text_page = page.get_textpage()
    text: str = text_page.get_text_bounded()
    hidden = [piece for piece in _top_text_objects(page) if _is_hidden(piece)]
    if not hidden:
        return text, 0
    hidden_chars = sum(_text_chars(piece, text_page) for piece in hidden)
    if 2 * hidden_chars > len(text):
        return text, 0
    text_page.close()
    for piece in hidden:
        raw.FPDFPage_RemoveObject(page, piece)
        raw.FPDFPageObj_Destroy(piece)
    seen: str = page.get_textpage().get_text_bounded()
    return seen, len(hidden)


def _top_text_objects(page: pypdfium2.PdfPage) -> list[raw.FPDF_PAGEOBJECT]:
    """Those of the page itself: from within forms PDFium removes nothing."""
    count = min(_MAX_OBJECTS, raw.FPDFPage_CountObjects(page))
    objects = (raw.FPDFPage_GetObject(page, index) for index in range(count))
    return [piece for piece in objects if raw.FPDFPageObj_GetType(piece) == raw.FPDF_PAGEOBJ_TEXT]


def _is_hidden(piece: raw.FPDF_PAGEOBJECT) -> bool:
    if raw.FPDFTextObj_GetTextRenderMode(piece) in _INVISIBLE_MODES:
        return True
    size, matrix = ctypes.c_float(), raw.FS_MATRIX()
    if not raw.FPDFTextObj_GetFontSize(piece, size) or not raw.FPDFPageObj_GetMatrix(piece, matrix):
        return False
    return abs(size.value) * math.hypot(matrix.c, matrix.d) < _MIN_FONT_PT


def _text_chars(piece: raw.FPDF_PAGEOBJECT, text_page: pypdfium2.PdfTextPage) -> int:
    size_bytes: int = raw.FPDFTextObj_GetText(piece, text_page, None, 0)
    return max(0, size_bytes // 2 - 1)  # UTF-16 with a zero at its end


def _joined_lines(text: str) -> str:
    """Undo the line breaks that only the paper's width made."""
    text = _HYPHENATED.sub("", text)
    return _WRAPPED.sub(" ", _WRAPPED_CJK.sub("", text)).replace("\r\n", "\n").strip()
