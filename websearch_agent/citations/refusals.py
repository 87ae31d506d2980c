"""Recognises that an answer says: the sources do not say. And what it states beside that."""

import re

# Words that mean what was searched; the weak ones are also things of the world.
_STRONG = r"(?:sources|passages|search\sresults|references|excerpts)"
_WEAK = r"(?:source|passage|text|page|article|document|material|context|information|results)s?"
_GIVEN = (
    r"(?:provided|given|available|retrieved|cited|search|supplied|above|found|listed|these|those)"
)
_SOURCES = (
    rf"(?:(?:the|these|those|any|any\sof\sthe|all|your|my|{_GIVEN})\s(?:\w+\s)?"
    rf"(?:{_STRONG}|{_WEAK})|{_STRONG})"
)
# Who says: "Sources do not say", "The provided text does not", "The information given does not".
_SPEAKERS = (
    rf"(?:(?:^|[.!?;,:]\s|\b(?:but|that|and|while|although|though)\s)\W*{_STRONG}"
    rf"|\b(?:the|these|those|your|my)\s(?:{_GIVEN}\s){{0,2}}(?:{_STRONG}|{_WEAK}))"
    rf"(?:\s(?:{_GIVEN}|here|I\s\w+)){{0,2}}"
)
_HOLDERS = (
    rf"(?:(?:^|[.!?;,:]\s|\b(?:but|that|and|while|although|though|the|these|those)\s)\W*"
    rf"(?:{_GIVEN}\s){{0,2}}{_STRONG}"
    rf"|\b(?:the|these|those)\s{_GIVEN}\s{_WEAK}|\b(?:the\s)?(?:information|context)\s{_GIVEN})"
)
_TELL = (
    r"(?:say|mention|state|specify|tell|answer|describe|explain|address|indicate|discuss|confirm"
    r"|reveal|clarify)"
)
_HOLD = r"(?:contain|provide|give|include|list|cover|name|show|hold|offer)"
_TOLD = (
    r"(?:mentioned|stated|specified|said|described|answered|discussed|addressed|given|provided"
    r"|included|covered|found|available|contained|named|explained)"
)
_NOT = r"(?:(?:do|does|did|can|could)(?:\s?not|n['’]t)|cannot)"
_NOTHING = r"(?:nothing|no\s(?:\w+\s)?(?:information|mention|details?|answer|evidence))"
_ENGLISH = re.compile(
    rf"""{_SPEAKERS}\s(?:{_NOT}\s(?:\w+ly\s)?{_TELL}|(?:say|mention|tell)s?\s{_NOTHING})\b
    | {_HOLDERS}\s(?:{_NOT}\s(?:\w+ly\s)?(?:{_HOLD}|{_TELL})|{_HOLD}s?\s{_NOTHING})\b
    | \b(?:search(?:es)?|I)\s(?:ha(?:s|ve)\s)?(?:found|brought|returned|gave)\s{_NOTHING}\b
    | \bno(?:ne)?(?:\sof\s(?:the|these|those))?\s(?:{_GIVEN}\s)?(?:{_STRONG}|source|passage)\s
      (?:\w+ly\s)?(?:{_TELL}|{_HOLD})s?\b
    | \bno\s(?:\w+\s){{0,3}}?(?:information|mention|details?|answer|evidence)\b[^.!?;\n]{{0,60}}?
      (?:\b(?:in|from|by)\s{_SOURCES}
        |\b(?:is|are|was|were)\s(?:provided|given|available|found)(?!\s(?:by|in|to)))\b
    | \b(?:is|are|was|were)(?:\snot|n['’]t)\s(?:\w+ly\s)?(?:{_TOLD}\s)?(?:anywhere\s)?
      (?:in|by|from)\s{_SOURCES}\b
    | \b(?:can(?:not|['’]t)|could\snot|couldn['’]t|unable\sto)\s(?:be\s)?
      (?:answer|find|determin|tell)\w*\b[^.!?;\n]{{0,60}}?\b(?:in|from|by|on|using)\s{_SOURCES}\b
    | ^\W*(?:(?:sorry|unfortunately)\W+)?I\s(?:do\snot|don['’]t)\sknow\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CN_STRONG = r"(?:资料|來源|来源|原文|文献|网页|搜索结果|检索结果|上文)"
_CN_WEAK = r"(?:文章|文档|材料|信息|内容|文中)"
_CN_GIVEN = r"(?:提供的|现有的?|已有的?|以上|上述|给出的|所给的?|搜索到的|检索到的|这些|参考|相关)"
_CN_SOURCES = rf"(?:{_CN_STRONG}|{_CN_GIVEN}{_CN_WEAK}|{_CN_WEAK}[中里内]|文中)"
_CN_TELL = (
    r"(?:说明|提到|提及|提供|给出|包含|回答|指出|涉及|显示|明确|记载|介绍|说|讲|写|告诉|确定)"
)
_CN_KNOW = r"(?:得知|确定|回答|判断|找到|得出|知道|确认)"
_CHINESE = re.compile(
    rf"""{_CN_SOURCES}[^。！？，；,\n]{{0,8}}?(?:没有|並沒有|沒有|没|并未|未|不|无法|不能)
         [^。！？，；,\n]{{0,4}}?{_CN_TELL}
    | (?:^|[，,；。]|我|搜索|检索|资料中?|暂时|目前)\s*(?:没有|没|未)能?(?:找到|查到|发现|搜到)
      [^。！？\n]{{0,20}}?(?:信息|资料|内容|答案|说明|记载)
    | (?:无法|不能|难以)(?:从|根据|在)[^。！？\n]{{0,12}}?{_CN_SOURCES}[^。！？\n]{{0,8}}?{_CN_KNOW}
    | (?:根据|从|依据|基于)[^。！？\n]{{0,8}}?{_CN_SOURCES}[^。！？\n]{{0,6}}?
      (?:无法|不能|难以){_CN_KNOW}
    | (?:^|[，,；。])\s*(?:没有|无)相关的?(?:信息|资料|内容|说明)
    | (?:^|[，,；。])\s*我不(?:知道|清楚)
    """,
    re.VERBOSE,
)
_FURTHER = re.compile(
    r"[.;；。]\s*|[,，]?\s?\b(?:but|however|yet|although|though|while|whereas)\b\s*"
    r"|[，,]\s*(?=[但只仅]|不过|然而)|,?\s\band\s(?=(?:it|they|he|she|its|their|this|that)\b)|，(?=[^，。]*\d)",
    re.IGNORECASE,
)
# Such a beginning says what is asked about, and such a clause what could be done.
_NO_STATEMENT = re.compile(
    r"^\W*(?:as\s(?:for|to)|regarding|concerning|about|according|based|in\sterms|with\sregard"
    r"|unfortunately|sorry|I|you|we|please|if|the\squestion|so|关于|至于|根据|从|对于|抱歉|对不起|很?遗憾"
    r"|因此|所以|请|您|我|如果|建议)(?:\b|(?<=[\u3000-\u9fff]))",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"^\W*(?:(?:but|however|yet|although|though|while|and|that)\b|但是?|不过|然而|而)?[\s,，]*"
    r"|[\s,，;；]*(?:\b(?:but|however|yet|and|while|although|though)|但是?|不过|然而|而)?[\s,，]*$",
    re.IGNORECASE,
)


def says_not_said(statement: str) -> bool:
    """Whether a statement says that the sources do not say something: English or Chinese."""
    return _find_refusal(statement) is not None


def stated_beside(statement: str) -> str:
    """What a statement that refuses states besides, before or behind; empty if nothing."""
    refusal = _find_refusal(statement)
    if refusal is None:
        return statement
    before = statement[: refusal.start()]
    further = _FURTHER.search(statement, refusal.end())
    behind = statement[further.end() :] if further else ""
    clauses = [_JOINT.sub("", clause) for clause in (before, behind)]
    return " ".join(c for c in clauses if c and not _NO_STATEMENT.match(c) and not says_not_said(c))


def _find_refusal(statement: str) -> re.Match[str] | None:
    return _ENGLISH.search(statement) or _CHINESE.search(statement)
