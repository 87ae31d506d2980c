"""What a page writes to be taken for us or for the person: made plain text before a model reads it.

Fences of our sources, roles and calls of the common chat templates, lines that begin like a turn
of a conversation, and references that look like our citations.
"""

import re

MAX_LINE_CHARS = 120

# Our own fence, and how the common chat templates write roles: ChatML and Llama 3 (<|…|>),
# DeepSeek (<｜…｜>), Gemma (<start_of_turn>), Mistral ([INST]); how they write thoughts and calls.
_TAG = re.compile(
    r"<(?=\s{0,9}+/?\s{0,9}+source|[|｜]|/?(?:start|end)_of_turn|/?tool_(?:calls?|response|results?)\b"
    r"|/?function(?:_calls?)?\s{0,9}+[=>]|<\s{0,9}+/?\s{0,9}+SYS\s{0,9}+>>|/?invoke\b"
    r"|/?(?:think|thinking|system|assistant|eos|bos)>)",
    re.IGNORECASE,
)
# Strike-through in HTML, the ends of a text for Llama 2: in code it stays.
_TEXT_END = re.compile(r"<(?=/?s>)", re.IGNORECASE)
_SPECIAL_TOKEN_END = re.compile(r"[|｜]>")
_INSTRUCTION = re.compile(
    r"\[(/?(?:INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|SYSTEM|USER|ASSISTANT|THINK))\]"
)
_SOURCES_FENCE = re.compile(r"^-{3,}+(?=\s*+(?:end of )?sources\b)", re.IGNORECASE | re.MULTILINE)
_LINE_START = r"^([ \t\u3000>*#_|.)\d-]{0,20}+)"
# "System: …" at the start of a line, as plain templates write turns. In code, where `user:` is a
# setting, only with a capital.
_ROLES = "system|assistant|user|human|developer|系统|助手|用户"
_TURN = re.compile(rf"{_LINE_START}({_ROLES})([ \t*_]{{0,9}}[:：])", re.IGNORECASE | re.MULTILINE)
_TURN_IN_CODE = re.compile(
    rf"{_LINE_START}(System|Assistant|User|Human|SYSTEM|ASSISTANT|USER|HUMAN)"
    r"([ \t]?:[ \t]{1,9}(?=\w{1,40} ))",
    re.MULTILINE,
)
# "### Instruction:", with a colon or alone on its line.
_HEADED_TURN = re.compile(
    rf"^(#{{2,6}}[ \t]+)({_ROLES}|instructions?|response|input)(?=[ \t]*(?:[:：]|$))",
    re.IGNORECASE | re.MULTILINE,
)
# As our own prompt puts the question behind the sources.
_QUESTION = re.compile(
    rf"{_LINE_START}(question|问题)([ \t*_]{{0,9}}[:：])", re.IGNORECASE | re.MULTILINE
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
    text = _SOURCES_FENCE.sub("—", _TAG.sub("‹", text))
    text = _INSTRUCTION.sub(r"(\1)", _SPECIAL_TOKEN_END.sub("|›", text))
    pieces = _CODE.split(text)
    pieces[::2] = [_plain_prose(prose) for prose in pieces[::2]]
    pieces[1::2] = [_TURN_IN_CODE.sub(r"\1“\2”\3", code) for code in pieces[1::2]]
    return _CITATION_BLOCK.sub("(", "".join(pieces))


def plain_page_line(text: str) -> str:
    """Page text inside a quoted attribute: one short line."""
    line = _plain_prose(plain_page_text(" ".join(text.split())))
    return line[:MAX_LINE_CHARS].replace('"', "'").replace("<", "‹")


def count_forged_marks(text: str) -> int:
    """How many marks `plain_page_text` takes the force of; references and ends aside."""
    pieces = _CODE.split(text)
    counted = [(mark, text) for mark in (_TAG, _INSTRUCTION, _SOURCES_FENCE, _CITATION_BLOCK)]
    counted += [(mark, prose) for prose in pieces[::2] for mark in (_TURN, _HEADED_TURN, _TEXT_END)]
    counted += [(_TURN_IN_CODE, code) for code in pieces[1::2]]
    return sum(len(mark.findall(part)) for mark, part in counted)


def _plain_prose(prose: str) -> str:
    prose = _QUESTION.sub(r"\1“\2”\3", _TURN.sub(r"\1“\2”\3", prose))
    prose = _TEXT_END.sub("‹", _HEADED_TURN.sub(r"\1“\2”", prose))
    return _REFERENCE.sub(r"(\1)", _REFERENCE_BEHIND_SENTENCE.sub("", prose))
