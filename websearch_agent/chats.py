"""A conversation that its caller keeps, as the APIs for programs hand it in."""

from dataclasses import dataclass

from websearch_agent.model_calls import Message, Tool
from websearch_agent.types import AnswerRequest


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """All messages of a conversation of which nothing is stored here, oldest first.

    They are of the roles `user`, `assistant` and `tool`; the last one is the user's question, or
    the last result of the functions that the model called. `options` say how to answer; their
    `question` is the last one of a user in `messages`, their `conversation_id` None. `functions`
    are the caller's own: the model may call them, the caller carries them out. `function_choice` is
    `auto`, `none`, `required`, or the name of the one to call; `parallel_calls`: several at once.
    """

    messages: tuple[Message, ...]
    options: AnswerRequest
    functions: tuple[Tool, ...] = ()
    function_choice: str = "auto"
    parallel_calls: bool = True

    @property
    def has_results(self) -> bool:
        """Whether it goes on from results of functions, and not from a question."""
        return bool(self.messages) and self.messages[-1].role == "tool"
