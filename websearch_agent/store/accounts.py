"""Users, API keys and sessions in SQLite. What could be used to log in is kept as a hash only."""

import datetime as dt
import logging
import secrets
import uuid
from collections.abc import Callable, Sequence
from typing import cast

from argon2 import PasswordHasher
from sqlalchemy import (
    RowMapping,
    delete,
    exists,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as insert_or_not

from websearch_agent.accounts import (
    LOCAL_OWNER,
    SCOPES,
    ApiKey,
    Identity,
    NewApiKey,
    Scope,
    User,
)
from websearch_agent.errors import InvalidRequest, NotAuthenticated, StoreError
from websearch_agent.store.credentials import (
    KEY_PREFIX_CHARS,
    PasswordHashes,
    check_key_name,
    check_new_password,
    check_user_name,
    hash_secret,
    new_key_secret,
    new_session_token,
)
from websearch_agent.store.database import Database
from websearch_agent.store.schema import api_keys, conversations, sessions, users

_log = logging.getLogger(__name__)

# A write a request would cost 0.8 ms each, for a time that only people read.
LAST_USED_EVERY = dt.timedelta(minutes=1)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SqliteAccounts:
    """The `AccountStore` of a `SqliteStore`. Times are kept as ISO 8601 in UTC, which sort."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHasher | None = None,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        self._database = database
        self._passwords = PasswordHashes(hasher)
        self._now = now

    # ---- users ---------------------------------------------------------------------------

    async def has_users(self) -> bool:
        return bool(await self._database.read(select(users.c.id).limit(1)))

    async def add_user(self, name: str, password: str) -> User:
        name = check_user_name(name)
        check_new_password(password, user_name=name)
        user = User(str(uuid.uuid4()), name, self._now())
        row = {
            "id": user.id,
            "name": name,
            "password_hash": await self._passwords.make(password),
            "created_at": user.created_at.isoformat(),
        }
        statement = insert_or_not(users).values(row).on_conflict_do_nothing(index_elements=["name"])
        (written,) = await self._database.write(statement)
        if not written:
            raise InvalidRequest(f"There is a user {name!r} already. Take another name.")
        return user

    async def list_users(self) -> list[User]:
        """By name."""
        return [
            _user(row) for row in await self._database.read(select(users).order_by(users.c.name))
        ]

    async def find_user(self, name: str) -> User:
        """Raises InvalidRequest for an unknown one."""
        rows = await self._rows_of_user(name)
        if not rows:
            raise InvalidRequest(
                f"There is no user {name[:64]!r}. `websearch-agent user list` shows all."
            )
        return _user(rows[0])

    async def set_password(self, name: str, password: str) -> None:
        user = await self.find_user(name)
        check_new_password(password, user_name=user.name)
        password_hash = await self._passwords.make(password)
        await self._database.write(
            update(users).where(users.c.id == user.id).values(password_hash=password_hash),
            delete(sessions).where(sessions.c.user_id == user.id),
        )

    async def remove_user(self, name: str) -> None:
        user = await self.find_user(name)
        await self._database.write(
            delete(conversations).where(conversations.c.owner_id == user.id),
            delete(users).where(users.c.id == user.id),  # with it go its keys and sessions
        )

    async def adopt_conversations(self, name: str) -> int:
        """Give the conversations that were held without a login to a user; how many they were.

        Raises InvalidRequest for an unknown user.
        """
        user = await self.find_user(name)
        (count,) = await self._database.write(
            update(conversations)
            .where(
                conversations.c.owner_id == LOCAL_OWNER,
                conversations.c.deleted_at.is_(None),
                exists().where(users.c.id == user.id),
            )
            .values(owner_id=user.id)
        )
        return count

    async def check_password(self, name: str, password: str) -> User | None:
        rows = await self._rows_of_user(name)
        known_hash = str(rows[0]["password_hash"]) if rows else None
        right = await self._passwords.verify(known_hash, password)
        if known_hash is None or not right:
            return None
        if self._passwords.is_outdated(known_hash):
            await self._renew_hash(known_hash, password)
        return _user(rows[0])

    async def _renew_hash(self, old_hash: str, password: str) -> None:
        # By the old hash: a password that was set meanwhile must stay.
        new_hash = await self._passwords.make(password)
        known = users.c.password_hash == old_hash
        await self._database.write(update(users).where(known).values(password_hash=new_hash))

    async def _rows_of_user(self, name: str) -> list[RowMapping]:
        try:
            known = users.c.name == check_user_name(name)
        except InvalidRequest:
            return []
        return await self._database.read(select(users).where(known))

    # ---- sessions ------------------------------------------------------------------------

    async def create_session(self, user: User, *, days: int) -> str:
        """Raises NotAuthenticated if the user was removed meanwhile."""
        token, now = new_session_token(), self._now()
        row = {
            "token_hash": hash_secret(token),
            "id": str(uuid.uuid4()),
            "user_id": user.id,
            "created_at": now.isoformat(),
            "expires_at": (now + dt.timedelta(days=days)).isoformat(),
        }
        values = [literal(value) for value in row.values()]
        source = select(*values).where(exists().where(users.c.id == user.id))
        written, _ = await self._database.write(
            insert(sessions).from_select([*row], source),
            delete(sessions).where(sessions.c.expires_at <= now.isoformat()),
        )
        if not written:
            raise NotAuthenticated("This user was removed. Log in as another one.")
        return token

    async def identify_session(self, token: str) -> Identity | None:
        query = (
            select(sessions.c.id, sessions.c.user_id, users.c.name)
            .join(users)
            .where(
                sessions.c.token_hash == hash_secret(token),
                sessions.c.expires_at > self._now().isoformat(),
            )
        )
        rows = await self._database.read(query)
        if not rows:
            return None
        row = rows[0]
        return Identity(row["user_id"], row["name"], "session", frozenset(SCOPES), row["id"])

    async def end_session(self, token: str) -> None:
        await self._database.write(
            delete(sessions).where(sessions.c.token_hash == hash_secret(token))
        )

    # ---- API keys ------------------------------------------------------------------------

    async def create_key(self, user_name: str, name: str, scopes: Sequence[Scope]) -> NewApiKey:
        name, chosen = check_key_name(name), _check_scopes(scopes)
        user = await self.find_user(user_name)
        secret, now = new_key_secret(), self._now()
        key = ApiKey(
            id=secrets.token_hex(8),
            user_name=user.name,
            name=name,
            prefix=secret[:KEY_PREFIX_CHARS],
            scopes=chosen,
            created_at=now,
        )
        row = {
            "id": key.id,
            "secret_hash": hash_secret(secret),
            "prefix": key.prefix,
            "user_id": user.id,
            "name": name,
            "scopes": " ".join(chosen),
            "created_at": now.isoformat(),
        }
        await self._database.write(insert(api_keys).values(row))
        return NewApiKey(key, secret)

    async def list_keys(self) -> list[ApiKey]:
        query = (
            select(api_keys, users.c.name.label("user_name"))
            .join(users)
            .order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        )
        return [_key(row) for row in await self._database.read(query)]

    async def revoke_key(self, key_id: str) -> None:
        valid = (api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        revoked_at = self._now().isoformat()
        written = key_id.isascii() and await self._database.write(
            update(api_keys).where(*valid).values(revoked_at=revoked_at)
        )
        if not written or not written[0]:
            raise InvalidRequest(
                f"There is no valid key {key_id[:64]!r}: unknown, or revoked before. "
                "`websearch-agent key list` shows all."
            )

    async def identify_key(self, secret: str) -> Identity | None:
        query = (
            select(api_keys, users.c.name.label("user_name"))
            .join(users)
            .where(api_keys.c.secret_hash == hash_secret(secret), api_keys.c.revoked_at.is_(None))
        )
        rows = await self._database.read(query)
        if not rows:
            return None
        row = rows[0]
        await self._note_use(_key(row))
        scopes = frozenset(_scopes_of(row["scopes"]))
        return Identity(row["user_id"], row["user_name"], "key", scopes, row["id"])

    async def _note_use(self, key: ApiKey) -> None:
        now = self._now()
        if key.last_used_at is not None and now - key.last_used_at < LAST_USED_EVERY:
            return
        try:
            await self._database.write(
                update(api_keys).where(api_keys.c.id == key.id).values(last_used_at=now.isoformat())
            )
        except StoreError as error:  # a full disk: what can be read is still answered
            _log.warning("The use of a key could not be noted: %s", error.message)


def _check_scopes(scopes: Sequence[Scope]) -> tuple[Scope, ...]:
    """Each once, in the order of SCOPES. Raises InvalidRequest."""
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InvalidRequest(f"A key needs one or more of these scopes: {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _scopes_of(text: str) -> tuple[Scope, ...]:
    return tuple(cast(Scope, word) for word in text.split())


def _user(row: RowMapping) -> User:
    return User(row["id"], row["name"], dt.datetime.fromisoformat(row["created_at"]))


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        user_name=row["user_name"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=_scopes_of(row["scopes"]),
        created_at=dt.datetime.fromisoformat(row["created_at"]),
        last_used_at=_time_or_none(row["last_used_at"]),
        revoked_at=_time_or_none(row["revoked_at"]),
    )


def _time_or_none(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
