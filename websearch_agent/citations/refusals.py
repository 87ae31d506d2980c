"""Recognises that an answer says: the sources do not say."""

import re

_SOURCES = (
    r"(?:sources?|passages?|documents?|texts?|pages?|articles?|materials?|references"
    r"|search\sresults?|results|context|information)"
)
_SAY = (
    r"(?:say|mention|state|contain|provide|specify|give|include|answer|tell|list|describe|explain"
    r"|address|indicate|cover|discuss|name|confirm|reveal|show|hold|offer)"
)
_SAID = (
    r"(?:mentioned|stated|specified|provided|given|said|included|described|available|answered"
    r"|covered|disclosed|discussed|addressed)"
)
_ENGLISH = re.compile(
    rf"""\b{_SOURCES}\b[^.!?\n]{{0,60}}?\b(?:(?:do|does|did|can|could)(?:\s?not|n['’]t))\s
         (?:\w+\s){{0,2}}?{_SAY}\b
    | \b(?:search(?:es)?|I)\s(?:ha(?:s|ve)\s)?(?:found|brought|returned|gave)\s(?:nothing|no)\b
    | \bno\s(?:\w+\s){{0,3}}?(?:information|mention|details?|answer|evidence)\b
      [^.!?\n]{{0,60}}?\b(?:{_SOURCES}|provided|given|available|found)\b
    | \b(?:is|are|was|were)(?:\snot|n['’]t)\s(?:\w+ly\s)?{_SAID}\b[^.!?\n]{{0,30}}?
      \b(?:in|by|from)\s(?:the|any|these|those|your|provided|given)\b
    | \bnone\sof\sthe\s(?:\w+\s)?{_SOURCES}\b
    | \b(?:can(?:not|['’]t)|could\snot|couldn['’]t|unable\sto)\s(?:be\s)?(?:answer|find|determine)
      \w*\b[^.!?\n]{{0,60}}?\b{_SOURCES}\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CHINESE_SOURCES = r"(?:资料|來源|来源|文中|原文|文献|文章|网页|搜索结果|文档|材料|信息|内容)"
_CHINESE = re.compile(
    rf"""{_CHINESE_SOURCES}[^。！？\n]{{0,12}}?(?:没有|並沒有|沒有|并未|未|不)[^。！？\n]{{0,4}}?
         (?:说明|提到|提及|提供|给出|包含|回答|指出|涉及|显示|明确|记载|介绍|说)
    | (?:没有|未)(?:能)?(?:找到|查到|提供|发现)[^。！？\n]{{0,20}}?(?:信息|资料|内容|答案|说明|记载)
    | (?:无法|不能)(?:从|根据|在)[^。！？\n]{{0,20}}?(?:得知|确定|回答|判断|找到|得出)
    | (?:没有|无)相关(?:的)?(?:信息|资料|内容|说明)
    """,
    re.VERBOSE,
)


def says_not_said(statement: str) -> bool:
    """Whether a statement says that the sources do not say something: English or Chinese."""
    return bool(_ENGLISH.search(statement) or _CHINESE.search(statement))
