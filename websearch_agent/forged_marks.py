"""What a page writes to be taken for us or for the person: made plain text before a model reads it.

Fences of our sources, roles and calls of the common chat templates, lines that begin like a turn
of a conversation, and references that look like our citations.
"""

import re

MAX_LINE_CHARS = 120

# Our own fence, and how the common chat templates write roles: ChatML and Llama 3 (<|…|>),
# DeepSeek (<｜…｜>), Gemma (<start_of_turn>), Mistral ([INST]); and how they write calls.
_TAG = re.compile(
    r"<(?=\s*/?\s*source|[|｜]|/?(?:start|end)_of_turn|/?tool_(?:calls?|response)\b|/?function\s*[=>]"
    r"|<\s*/?\s*SYS\s*>>)",
    re.IGNORECASE,
)
_SPECIAL_TOKEN_END = re.compile(r"[|｜]>")
_INSTRUCTION = re.compile(
    r"\[(/?(?:INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT))\]", re.IGNORECASE
)
_TEXTS_FENCE = re.compile(r"^-{3,}(?=\s*(?:end of )?texts\b)", re.IGNORECASE | re.MULTILINE)
# "System: …" and "### Instruction:" at the start of a line, as plain templates write turns.
_TURN = re.compile(
    r"^([ \t>*#_-]*)(system|assistant|user|human|developer|系统|助手|用户"
    r"|(?<=###)[ \t]*(?:instructions?|response|input))([ \t*_]*[:：])",
    re.IGNORECASE | re.MULTILINE,
)
# Megrez's blocks begin so: in code too, where references stay.
_CITATION_BLOCK = re.compile(r"\[(?=\s*\[\s*citation)", re.IGNORECASE)
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
# "…in 2019.[12]" is how encyclopaedias print references; left in, models copy them as ours.
_REFERENCE_BEHIND_SENTENCE = re.compile(r"(?<=[.,;。，；])(?:\[\d{1,3}\])+")
_REFERENCE = re.compile(r"\[{1,2}(?:citation:\s*)?(\d{1,3})\]{1,2}")


def plain_page_text(text: str) -> str:
    """Page text as data: it cannot close its block, nor write a role of the common templates.

    Its own references `[n]` would be taken for ours: gone behind a sentence, else `(n)`. In code
    references and words such as `user:` stay.
    """
    text = _TEXTS_FENCE.sub("—", _TAG.sub("‹", text))
    text = _INSTRUCTION.sub(r"(\1)", _SPECIAL_TOKEN_END.sub("|›", text))
    pieces = _CODE.split(text)
    pieces[::2] = [_plain_prose(prose) for prose in pieces[::2]]
    return _CITATION_BLOCK.sub("(", "".join(pieces))


def plain_page_line(text: str) -> str:
    """Page text inside a quoted attribute: one short line."""
    line = _plain_prose(plain_page_text(" ".join(text.split())))
    return line[:MAX_LINE_CHARS].replace('"', "'").replace("<", "‹")


def count_forged_marks(text: str) -> int:
    """How many marks `plain_page_text` takes the force of; references and ends aside."""
    prose = "\n".join(_CODE.split(text)[::2])
    everywhere = (_TAG, _INSTRUCTION, _TEXTS_FENCE, _CITATION_BLOCK)
    return sum(len(mark.findall(text)) for mark in everywhere) + len(_TURN.findall(prose))


def _plain_prose(prose: str) -> str:
    prose = _TURN.sub(r"\1“\2”\3", prose)
    return _REFERENCE.sub(r"(\1)", _REFERENCE_BEHIND_SENTENCE.sub("", prose))
