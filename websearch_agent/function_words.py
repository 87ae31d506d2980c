"""Words of a question that say nothing about its subject; in a manual they are even rare."""

import re

# Kept: 目的 (purpose), 的确, 了解 (to understand), whose characters only look like particles.
CHINESE_FUNCTION_WORDS = re.compile(
    "为什么|是什么|有什么|什么样|什么|怎么样|怎么办|怎么给|怎么|怎样|如何给|如何|哪些|哪个|哪里|多少|是否|能否|可否|请问|"
    "告诉我|我想|可以|应该|需要|以及|还是|或者|吗|呢|吧|(?<!目)的(?!确)|了(?!解)"
)
_ENGLISH = (
    "a about all am an and any are as at be been but by can could did do does explain for from get "
    "give had has have how i if in into is it its let like may me mean means might my need no not "
    "of on or our please s shall should show so some such t tell than that the their them then "
    "there these they this to too use used using want was way we were what when where which who "
    "whose why will with would you your"
)
ENGLISH_FUNCTION_WORDS = frozenset(_ENGLISH.split())
