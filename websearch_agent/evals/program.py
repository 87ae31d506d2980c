"""The program as a measurement asks it: with its model ready, and what it depends on."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date

from pydantic import BaseModel, ConfigDict

from websearch_agent.config import Settings
from websearch_agent.evals.result_file import code_fingerprint, prompts_fingerprint
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.profile import configured_profile
from websearch_agent.protocols import ConversationStore, ModelClient
from websearch_agent.types import Answer
from websearch_agent.wiring import AgentService, build_service

# A published conversation may lack the assistant's words; a conversation never does.
UNKNOWN_ANSWER = "…"


class ContextTurn(BaseModel):
    model_config = ConfigDict(frozen=True)

    user: str
    assistant: str | None = None


@asynccontextmanager
async def opened_program(settings: Settings) -> AsyncIterator[AgentService]:
    """Questions are asked as a person's are, in conversations that nobody wants to keep.

    Raises ConfigError, ModelError.
    """
    configured_profile(settings)
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"database_url": f"sqlite:///{folder}/eval.db"})
        service = await build_service(own)
        try:
            await service.model.prepare()
            yield service
        finally:
            await service.aclose()


def describe_program(
    settings: Settings, model: ModelClient, today: date | None
) -> dict[str, object]:
    """All that a model's words depend on; part of the result file's name.

    Not the day, unless it was given: a run may go on after midnight.
    """
    profile = model.profile if isinstance(model, OpenAICompatibleModel) else None
    return {
        "model": model.name,
        "model_url": settings.model_url,
        "profile": None if profile is None else asdict(profile),
        "dialect": settings.model_dialect,
        "search_threshold": settings.search_threshold,
        "context_window": settings.context_window,
        "today": today.isoformat() if today else "the day of asking",
        "prompts_sha256": prompts_fingerprint(),
    }


async def store_conversation(
    store: ConversationStore, title: str, turns: Sequence[ContextTurn]
) -> str:
    """What was said before the question, as if it had been said here; returns the id."""
    conversation_id = await store.create_conversation(title)
    for turn in turns:
        stored = await store.begin_turn(conversation_id, turn.user)
        answer = Answer(text=turn.assistant or UNKNOWN_ANSWER)
        await store.finish_turn(stored.id, status="finished", answer=answer, failure=None)
    return conversation_id


def describe_answers(
    settings: Settings, model: ModelClient, today: date | None
) -> dict[str, object]:
    """All that whole answers depend on; the code too, since it makes them between two versions."""
    return {
        **describe_program(settings, model, today),
        "answer_tokens": settings.answer_tokens,
        "source_tokens": settings.source_tokens,
        "evidence": settings.evidence,
        "ranking": settings.ranking,
        "verification": settings.verification,
        "strict": settings.strict,
        "code_sha256": code_fingerprint("agent", "citations", "models", "pages"),
    }
