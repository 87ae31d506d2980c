"""What a conversation is called until somebody renames it: its first question."""

from websearch_agent.protocols import TurnStore
from websearch_agent.types import AnswerRequest

MAX_TITLE_CHARS = 80


async def conversation_of(request: AnswerRequest, store: TurnStore) -> str:
    """The id of the one that is asked in, or of a new one."""
    if request.conversation_id is not None:
        return request.conversation_id
    return await store.create_conversation(title_of(request.question))


async def names_conversation(request: AnswerRequest, store: TurnStore) -> bool:
    """Whether it takes the place of the question that the conversation is called after."""
    if request.replace_turn is None or request.conversation_id is None:
        return False
    conversation = await store.load_conversation(request.conversation_id)
    first = conversation.turns[0] if conversation.turns else None
    return (
        first is not None
        and first.id == request.replace_turn
        and conversation.title == title_of(first.question)
    )


def title_of(question: str) -> str:
    words = " ".join(question.split())
    return words if len(words) <= MAX_TITLE_CHARS else words[:MAX_TITLE_CHARS] + "…"
