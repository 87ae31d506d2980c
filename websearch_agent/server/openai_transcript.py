"""The conversation that a caller of the OpenAI APIs sends, as the agent takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from websearch_agent.model_calls import Message
from websearch_agent.server.openai_errors import OpenAIError


@dataclass(frozen=True, slots=True)
class Transcript:
    """All messages but the system's, which are the `instructions`; `param` is their field."""

    messages: tuple[Message, ...]
    instructions: str
    param: str

    @property
    def question(self) -> str:
        """The last one; there is always one."""
        return next(m.content for m in reversed(self.messages) if m.role == "user")


def transcript_of(
    read: Sequence[tuple[str, Message]], *, param: str, instructions: str = ""
) -> Transcript:
    """Of the messages, each with the name of its place in the body.

    Raises OpenAIError where a result belongs to no call, nobody asks, or the last word is the
    assistant's.
    """
    known: set[str] = set()
    for place, message in read:
        if message.role == "tool" and message.tool_call_id not in known:
            raise OpenAIError(
                "A result of a function must come behind the message that called it, and name its "
                "id.",
                param=place,
            )
        known |= {call.id for call in message.tool_calls}
    messages = tuple(message for _, message in read if message.role != "system")
    if not any(message.role == "user" for message in messages):
        raise OpenAIError("There is no message of the user, so nothing is asked.", param=param)
    if messages[-1].role == "assistant":
        raise OpenAIError(
            "The last message must be the user's or a function's result: an answer that the "
            "assistant began is not continued here.",
            param=read[-1][0],
        )
    systems = [message.content for _, message in read if message.role == "system"]
    texts = [text for text in (instructions, *systems) if text.strip()]
    return Transcript(messages, "\n\n".join(texts), param)
