"""Accounts in dicts, with passwords as they are: only for tests of the server."""

import datetime as dt
import itertools
from collections.abc import Sequence

from websearch_agent.accounts import SCOPES, ApiKey, Identity, NewApiKey, Scope, User
from websearch_agent.errors import InvalidRequest

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


class FakeAccounts:
    """An AccountStore."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.passwords: dict[str, str] = {}
        self.sessions: dict[str, Identity] = {}
        self.keys: dict[str, Identity] = {}
        self.password_checks: list[str] = []
        self._numbers = itertools.count(1)

    async def has_users(self) -> bool:
        return bool(self.users)

    async def add_user(self, name: str, password: str) -> User:
        user = User(f"user-{name}", name, NOW)
        self.users[name], self.passwords[name] = user, password
        return user

    async def list_users(self) -> list[User]:
        return list(self.users.values())

    async def set_password(self, name: str, password: str) -> None:
        self.passwords[name] = password

    async def remove_user(self, name: str) -> None:
        del self.users[name]

    async def check_password(self, name: str, password: str) -> User | None:
        self.password_checks.append(name)
        return self.users[name] if self.passwords.get(name) == password else None

    async def create_session(self, user: User, *, days: int) -> str:
        number = next(self._numbers)
        token = f"session-token-{number}-of-{user.name}"
        scopes = frozenset(SCOPES)
        self.sessions[token] = Identity(user.id, user.name, "session", scopes, f"s{number}")
        return token

    async def identify_session(self, token: str) -> Identity | None:
        return self.sessions.get(token)

    async def end_session(self, token: str) -> None:
        self.sessions.pop(token, None)

    async def create_key(self, user_name: str, name: str, scopes: Sequence[Scope]) -> NewApiKey:
        if user_name not in self.users:
            raise InvalidRequest("There is no such user.")
        number = next(self._numbers)
        secret = f"wsa_{number}{user_name}{'x' * 30}"
        owner = self.users[user_name]
        self.keys[secret] = Identity(owner.id, user_name, "key", frozenset(scopes), f"k{number}")
        key = ApiKey(f"k{number}", user_name, name, secret[:8], tuple(scopes), NOW)
        return NewApiKey(key, secret)

    async def list_keys(self) -> list[ApiKey]:
        return []

    async def revoke_key(self, key_id: str) -> None:
        self.keys = {s: who for s, who in self.keys.items() if who.credential_id != key_id}

    async def identify_key(self, secret: str) -> Identity | None:
        return self.keys.get(secret)
