"""One turn of a model that may call the search: it searches, or it answers.

Shared by the dialects whose models decide by a call. A broken call is asked for again once, in
its context: the same request again would bring the same reply.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from websearch_agent import prompts
from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import (
    Message,
    ModelCall,
    ModelDelta,
    ModelFinished,
    TextDelta,
    TokenLogprob,
    Usage,
)
from websearch_agent.models.dialects.reply_reader import ReplyReader
from websearch_agent.models.dialects.search_call import MAX_QUERY_CHARS
from websearch_agent.models.dialects.written_calls import BrokenCall
from websearch_agent.protocols import ModelClient
from websearch_agent.types import Decision, Prompt

# Of the broken call, so much is shown to the model again.
MAX_BROKEN_CHARS = 300
# The chat template round the two messages that ask again; the shortest useful second reply.
AGAIN_TEMPLATE_TOKENS = 16
MIN_AGAIN_TOKENS = 32


@dataclass(frozen=True, slots=True)
class SearchGate:
    """Lets the probability of a call decide, instead of the call.

    `marker` is the text with which a call begins; `direct` the call that answers without searching.
    """

    threshold: float
    marker: str
    direct: ModelCall


async def search_or_answer(
    model: ModelClient,
    prompt: Prompt,
    call: ModelCall,
    *,
    form: str,
    gate: SearchGate | None = None,
) -> AsyncGenerator[Decision | ModelDelta, None]:
    """Yield a decision, and the answer's deltas unless it is to search.

    `form` shows the model a right call. Raises ModelError; InvalidModelOutput when the call stays
    broken, nothing was said, and the person did not ask for a search.
    """
    turn = _Turn(model, prompt, gate)
    outcome: Decision | BrokenCall | None = None
    for attempt in (1, 2):
        async with aclosing(turn.reply(call)) as deltas:
            async for delta in deltas:
                yield delta
        outcome = turn.outcome
        if not isinstance(outcome, BrokenCall) or turn.decided or attempt == 2:
            break  # Behind an answer a broken call is not asked for again: what was said counts.
        second = await _call_again(model, call, outcome, form)
        if second is None:
            break
        call = second
    if isinstance(outcome, Decision):
        if outcome.search or not turn.decided:
            yield outcome
        if not outcome.search and gate is not None:
            if turn.decided:
                yield TextDelta("\n\n")  # Behind the words before the call.
            async for delta in answer_only(model, gate.direct):
                yield delta
    elif prompt.search == "always" or turn.is_likely_a_search():
        # Not every server enforces tool_choice: the person asked for a search, so one is made.
        query = prompt.question[:MAX_QUERY_CHARS]
        yield Decision(search=True, queries=(query,), probability=turn.probability)
    elif outcome is not None and not turn.decided:
        raise InvalidModelOutput(f"The model wrote a call that is broken: {outcome.problem}.")
    elif not turn.decided:
        yield Decision(search=False, probability=turn.probability)


def answer_tokens(prompt: Prompt) -> int:
    """Most tokens of a call that can only answer."""
    return min(prompt.max_tokens, prompt.answer_limit or prompt.max_tokens)


class _Turn:
    """The one or two replies of a turn, and what is known from them."""

    def __init__(self, model: ModelClient, prompt: Prompt, gate: SearchGate | None) -> None:
        self._model = model
        self._prompt = prompt
        self._gate = gate
        self.outcome: Decision | BrokenCall | None = None
        self.decided = False
        self.probability: float | None = None

    async def reply(self, call: ModelCall) -> AsyncGenerator[Decision | ModelDelta, None]:
        """Pass one reply on; its first word is the decision to answer."""
        reader = ReplyReader()
        async with aclosing(reader.read(self._model, call)) as deltas:
            async for delta in deltas:
                self._note_probability(reader.tokens)
                if isinstance(delta, TextDelta):
                    if self._is_to_search(reader):
                        break
                    if self._prompt.search == "always":
                        continue  # White space before the call that was asked for.
                    if reader.has_text and not self.decided:
                        self.decided = True
                        yield Decision(search=False, probability=self.probability)
                yield delta
            else:
                self.outcome = self._by_probability(reader.outcome())
                return
        yield await _broken_off(self._model, call, reader)
        query = self._prompt.question[:MAX_QUERY_CHARS]
        self.outcome = Decision(True, (query,), probability=self.probability)

    def _note_probability(self, tokens: Sequence[TokenLogprob]) -> None:
        if self._gate is not None and self.probability is None:
            self.probability = call_probability(tokens, self._gate.marker)

    def _is_to_search(self, reader: ReplyReader) -> bool:
        """Whether the rest of a reply that begins with words need not be waited for."""
        if self._prompt.search == "always":
            return reader.has_text  # Not every server enforces tool_choice.
        return self.is_likely_a_search()

    def is_likely_a_search(self) -> bool:
        """Whether the probability alone says so, before any word of an answer went out."""
        if self._gate is None or self.probability is None or self.decided:
            return False
        return self.probability >= self._gate.threshold

    def _by_probability(
        self, outcome: Decision | BrokenCall | None
    ) -> Decision | BrokenCall | None:
        if self._gate is None or self.probability is None or outcome is None:
            return outcome
        if self.probability < self._gate.threshold:
            return Decision(search=False, probability=self.probability)
        if isinstance(outcome, Decision):
            return replace(outcome, probability=self.probability)
        return outcome


async def answer_only(
    model: ModelClient, call: ModelCall
) -> AsyncGenerator[Decision | ModelDelta, None]:
    """Yield an answer; a call in it is neither carried out nor shown.

    Raises ModelError; InvalidModelOutput when there was nothing but the call.
    """
    reader = ReplyReader()
    async with aclosing(reader.read(model, call)) as deltas:
        async for delta in deltas:
            yield delta
    if reader.has_calls and not reader.has_text:
        raise InvalidModelOutput("The model wrote a call where an answer was asked for. Try again.")


async def _call_again(
    model: ModelClient, call: ModelCall, broken: BrokenCall, form: str
) -> ModelCall | None:
    """The call that asks for a right one; None where the window has no room for it."""
    added = (
        Message("assistant", broken.text[:MAX_BROKEN_CHARS]),
        Message("user", prompts.call_again(broken.problem, form=form)),
    )
    counts = await model.count_tokens([message.content for message in added])
    room = call.max_tokens - sum(counts) - AGAIN_TEMPLATE_TOKENS
    if room < MIN_AGAIN_TOKENS:
        return None
    return replace(call, messages=(*call.messages, *added), max_tokens=room, logprobs=False)


async def _broken_off(model: ModelClient, call: ModelCall, reader: ReplyReader) -> ModelFinished:
    """The end of a reply that was stopped by us: the server told no usage, so it is counted."""
    texts = [*(message.content for message in call.messages), reader.written]
    *prompt, written = await model.count_tokens(texts)
    return ModelFinished("stop", Usage(sum(prompt), len(reader.tokens) or written, 1))


def call_probability(tokens: Sequence[TokenLogprob], marker: str) -> float | None:
    """The probability that a reply begins with `marker`; None where the tokens do not tell.

    Either the model wrote it, in one token or several, or it is among the first token's
    alternatives.
    """
    text, logprob = "", 0.0
    for token in tokens:
        text += token.text
        logprob += token.logprob
        if text.lstrip().startswith(marker):
            return math.exp(min(0.0, logprob))
        if not marker.startswith(text.lstrip()):
            break
    else:
        return None
    for alternative, its_logprob in tokens[0].alternatives:
        if alternative.strip() == marker:
            return math.exp(min(0.0, its_logprob))
    return None
