"""PDF → text by PDFium."""

import re

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

from websearch_agent.errors import PageEmpty

_HYPHENATED = re.compile(r"(?<=\w)[\ufffe\x02](?:\r?\n)?|(?<=[a-z])-\r?\n(?=[a-z])")
_WRAPPED_CJK = re.compile(
    r"(?<=[\u3040-\u30ff\u3400-\u9fff，、])\r?\n(?=[\u3040-\u30ff\u3400-\u9fff])"
)
_WRAPPED = re.compile(r"(?<=[^\s.!?:;。！？：])\r?\n(?=[a-z0-9(“\"'])")


def extract_pdf(body: bytes, *, max_chars: int) -> tuple[str, str, bool]:
    """Title, text (pages apart by a blank line) and whether there was more than `max_chars`.

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
        chars = 0
        for page in document:
            text = _joined_lines(page.get_textpage().get_text_bounded())
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
    return title or text.split("\n", 1)[0][:120], text, truncated


def _joined_lines(text: str) -> str:
    """Undo the line breaks that only the paper's width made."""
    text = _HYPHENATED.sub("", text)
    return _WRAPPED.sub(" ", _WRAPPED_CJK.sub("", text)).replace("\r\n", "\n").strip()
