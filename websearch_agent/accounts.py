"""Who may ask: users, their API keys, and what a request may do."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["ask", "read", "delete"]
"""What a key may do: ask questions, read its user's conversations, delete them."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

LOCAL_OWNER = "local"
"""Owner of the conversations that were held without a login."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a name and a password. `name` is in lower case and unique."""

    id: str
    name: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a user, without the key itself: only its hash is kept. `prefix` is its beginning,
    by which a person recognises it."""

    id: str
    user_name: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: dt.datetime
    last_used_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made. `secret` is shown once and kept nowhere."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request, and what it may do.

    `owner_id` owns the conversations; `credential_id` is the session's or key's, by which requests
    are counted; empty without a login.
    """

    owner_id: str
    user_name: str
    kind: Literal["local", "session", "key"]
    scopes: frozenset[Scope]
    credential_id: str = ""


LOCAL_IDENTITY = Identity(LOCAL_OWNER, "", "local", frozenset(SCOPES))
"""Whoever reaches a server that asks for no login."""
