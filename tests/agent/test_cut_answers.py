"""An answer that ended before the model was done says so, in the question's language."""

from collections.abc import AsyncGenerator

import pytest
from agent_parts import answer_of, ask, make_parts
from fakes import FakeModel

from websearch_agent.model_calls import ModelCall, ModelDelta, ModelFinished, TextDelta, Usage
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio


class CutModel(FakeModel):
    """Writes half a sentence and ends for the reason given."""

    def __init__(self, finish_reason: str) -> None:
        super().__init__([])
        self._finish_reason = finish_reason

    async def stream(self, call: ModelCall) -> AsyncGenerator[ModelDelta, None]:
        yield TextDelta("Half a sent")
        yield ModelFinished(self._finish_reason, Usage())


@pytest.mark.parametrize(
    ("reason", "question", "said"),
    [
        ("length", "Tell me.", "WEBSEARCH_ANSWER_TOKENS"),
        ("length", "请告诉我。", "达到长度上限"),
        ("repetition", "Tell me.", "repeat itself"),
        ("repetition", "请告诉我。", "重复"),
    ],
)
async def test_cut_answer_says_so(
    store: ConversationStore, reason: str, question: str, said: str
) -> None:
    answer = answer_of(await ask(make_parts(store, CutModel(reason)), question, search="never"))
    assert answer.text == "Half a sent"
    assert answer.finish_reason == reason
    (notice,) = answer.notices
    assert said in notice


async def test_whole_answer_says_nothing(store: ConversationStore) -> None:
    answer = answer_of(await ask(make_parts(store, ["Hello."]), "hi", search="never"))
    assert answer.notices == ()
