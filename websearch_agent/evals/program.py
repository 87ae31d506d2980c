"""The program as a measurement asks it: with its model ready, and what it depends on."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from typing import get_args

from pydantic import BaseModel, ConfigDict, SecretStr

from websearch_agent.config import Settings
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.profile import configured_profile
from websearch_agent.protocols import ModelClient, TurnStore
from websearch_agent.types import Answer
from websearch_agent.wiring import AgentService, build_service

# A published conversation may lack the assistant's words; a conversation never does.
UNKNOWN_ANSWER = "…"
# The web is made of the data, and nobody else is served.
WITHOUT_EFFECT = frozenset(
    {
        *("engines", "searxng_url", "ddgs_backends", "news_backends", "ddgs_ca_file"),
        *("respect_robots", "page_cache_mb", "allowed_networks", "allowed_hosts"),
        *("data_dir", "database_url", "log_level"),
    }
)


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
    """All that answers depend on besides the code; part of the result file's name.

    Every setting but those of the web, of doors and of places, so that a new one counts until
    somebody says otherwise. Not the day, unless it was given: a run may go on after midnight.
    """
    profile = model.profile if isinstance(model, OpenAICompatibleModel) else None
    return {
        "model": model.name,
        "profile": None if profile is None else asdict(profile),
        "today": today.isoformat() if today else "the day of asking",
        **chosen_settings(settings),
    }


def chosen_settings(settings: Settings) -> dict[str, object]:
    """The settings that an answer can depend on, as JSON holds them; never a key."""
    fields = type(settings).model_fields
    keys = {name for name, field in fields.items() if SecretStr in get_args(field.annotation)}
    return settings.model_dump(mode="json", exclude={*WITHOUT_EFFECT, *keys})


async def store_conversation(store: TurnStore, title: str, turns: Sequence[ContextTurn]) -> str:
    """What was said before the question, as if it had been said here; returns the id."""
    conversation_id = await store.create_conversation(title)
    for turn in turns:
        stored = await store.begin_turn(conversation_id, turn.user)
        answer = Answer(text=turn.assistant or UNKNOWN_ANSWER)
        await store.finish_turn(stored.id, status="finished", answer=answer, failure=None)
    return conversation_id
