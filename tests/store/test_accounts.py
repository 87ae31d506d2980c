"""Users, sessions and API keys: who is let in, who is not any more, and what is kept of secrets."""

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from websearch_agent.accounts import SCOPES
from websearch_agent.errors import InvalidRequest, NotAuthenticated
from websearch_agent.store.accounts import SqliteAccounts
from websearch_agent.store.database import Database
from websearch_agent.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_time(self, **amount: float) -> None:
        self.now += dt.timedelta(**amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def accounts(
    path: Path, fast_hasher: PasswordHasher, clock: Clock
) -> AsyncIterator[SqliteAccounts]:
    database = Database(path)
    await database.open()
    yield SqliteAccounts(database, hasher=fast_hasher, now=clock)
    await database.close()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


# ---- users -------------------------------------------------------------------------------


async def test_user_logs_in_with_the_password_and_no_other(accounts: SqliteAccounts) -> None:
    assert not await accounts.has_users()
    user = await accounts.add_user("Alice", PASSWORD)
    assert await accounts.has_users()
    assert user.name == "alice"
    assert await accounts.check_password("ALICE", PASSWORD) == user
    for wrong in ("", PASSWORD + " ", PASSWORD.upper(), "x" * 5000, "\ud800"):
        assert await accounts.check_password("alice", wrong) is None
    for unknown in ("bob", "", "local", "\ud800", "alice\x00", "' OR 1=1 --"):
        assert await accounts.check_password(unknown, PASSWORD) is None


async def test_password_may_be_typed_composed_or_not(accounts: SqliteAccounts) -> None:
    user = await accounts.add_user("alice", "cafe\u0301 au lait")
    assert await accounts.check_password("alice", "caf\u00e9 au lait") == user


class CountingHasher(PasswordHasher):
    """Counts the work that a login costs."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, password_hash: str | bytes, password: str | bytes) -> bool:
        self.verified += 1
        return super().verify(password_hash, password)


async def test_unknown_name_costs_the_work_of_a_wrong_password(path: Path) -> None:
    hasher = CountingHasher()
    store = SqliteStore(path, hasher=hasher)
    await store.open()
    await store.accounts.add_user("alice", PASSWORD)
    work = {}
    for name in ("alice", "nobody", "not a name", "local"):
        before = hasher.verified
        assert await store.accounts.check_password(name, "wrong password") is None
        work[name] = hasher.verified - before
    await store.close()
    assert set(work.values()) == {1}


@pytest.mark.parametrize("name", ["alice", "ALICE", "ａlice"])
async def test_name_is_given_once(accounts: SqliteAccounts, name: str) -> None:
    await accounts.add_user("alice", PASSWORD)
    with pytest.raises(InvalidRequest, match="already"):
        await accounts.add_user(name, "another password")
    assert await accounts.check_password("alice", PASSWORD) is not None


async def test_bad_names_and_passwords_add_nobody(accounts: SqliteAccounts) -> None:
    for name, password in [("local", PASSWORD), ("a b", PASSWORD), ("alice", "short")]:
        with pytest.raises(InvalidRequest):
            await accounts.add_user(name, password)
    assert await accounts.list_users() == []


async def test_users_are_listed_by_name(accounts: SqliteAccounts, clock: Clock) -> None:
    bob = await accounts.add_user("bob", PASSWORD)
    alice = await accounts.add_user("alice", PASSWORD)
    assert await accounts.list_users() == [alice, bob]
    assert alice.created_at == clock.now


async def test_new_password_ends_the_old_one_and_all_sessions(accounts: SqliteAccounts) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    bob = await accounts.add_user("bob", PASSWORD)
    alices, bobs = [await accounts.create_session(user, days=1) for user in (alice, bob)]
    await accounts.set_password("Alice", "a new password")
    assert await accounts.check_password("alice", PASSWORD) is None
    assert await accounts.check_password("alice", "a new password") == alice
    assert await accounts.identify_session(alices) is None
    assert await accounts.identify_session(bobs) is not None


async def test_weak_new_password_changes_nothing(accounts: SqliteAccounts) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    token = await accounts.create_session(alice, days=1)
    with pytest.raises(InvalidRequest, match="at least 10"):
        await accounts.set_password("alice", "short")
    assert await accounts.check_password("alice", PASSWORD) == alice
    assert await accounts.identify_session(token) is not None


async def test_unknown_user_is_told(accounts: SqliteAccounts) -> None:
    for attempt in (
        accounts.set_password("bob\x1b[2J", PASSWORD),
        accounts.remove_user("bob\x1b[2J"),
        accounts.adopt_conversations("bob\x1b[2J"),
        accounts.create_key("bob\x1b[2J", "key", ["ask"]),
    ):
        with pytest.raises(InvalidRequest, match=r"no user 'bob\\x1b\[2J'"):
            await attempt


async def test_hash_of_cheaper_times_is_renewed_at_the_next_login(path: Path) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    dearer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    for hasher, typed in ((cheap, PASSWORD), (dearer, "wrong password"), (dearer, PASSWORD)):
        store = SqliteStore(path, hasher=hasher)
        await store.open()
        if not await store.accounts.has_users():
            await store.accounts.add_user("alice", PASSWORD)
        await store.accounts.check_password("alice", typed)
        await store.close()
        ((kept,),) = rows(path, "SELECT password_hash FROM users")
        costs = str(kept).split("$")[3]
        assert costs == ("m=8,t=2,p=1" if (hasher, typed) == (dearer, PASSWORD) else "m=8,t=1,p=1")
    assert dearer.verify(str(kept), PASSWORD)


async def test_damaged_hash_lets_nobody_in(accounts: SqliteAccounts, path: Path) -> None:
    await accounts.add_user("alice", PASSWORD)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE users SET password_hash = 'plain'")
    assert await accounts.check_password("alice", "plain") is None
    assert await accounts.check_password("alice", PASSWORD) is None


async def test_removed_user_is_gone_with_sessions_and_keys(
    accounts: SqliteAccounts, path: Path
) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    bob = await accounts.add_user("bob", PASSWORD)
    token = await accounts.create_session(alice, days=1)
    key = await accounts.create_key("alice", "ci", ["ask"])
    bobs = await accounts.create_session(bob, days=1)
    await accounts.remove_user("ALICE")
    assert await accounts.list_users() == [bob]
    assert await accounts.check_password("alice", PASSWORD) is None
    assert await accounts.identify_session(token) is None
    assert await accounts.identify_key(key.secret) is None
    assert await accounts.list_keys() == []
    assert await accounts.identify_session(bobs) is not None
    assert rows(path, "SELECT count(*) FROM sessions") == [(1,)]
    with pytest.raises(NotAuthenticated, match="removed"):
        await accounts.create_session(alice, days=1)


# ---- sessions ----------------------------------------------------------------------------


async def test_session_is_its_users_with_every_right(accounts: SqliteAccounts) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    token = await accounts.create_session(alice, days=1)
    identity = await accounts.identify_session(token)
    assert identity is not None
    assert (identity.owner_id, identity.user_name, identity.kind) == (alice.id, "alice", "session")
    assert identity.scopes == frozenset(SCOPES)
    other = await accounts.identify_session(await accounts.create_session(alice, days=1))
    assert other is not None
    assert len({identity.credential_id, other.credential_id, token, ""}) == 4


@pytest.mark.parametrize("token", ["", "x", "\ud800", "\x00", "x" * 100_000, "' OR 1=1 --"])
async def test_token_that_nobody_gave_is_nobodys(accounts: SqliteAccounts, token: str) -> None:
    await accounts.create_session(await accounts.add_user("alice", PASSWORD), days=1)
    assert await accounts.identify_session(token) is None
    assert await accounts.identify_key(token) is None
    await accounts.end_session(token)


async def test_hash_from_the_database_is_no_way_in(accounts: SqliteAccounts, path: Path) -> None:
    await accounts.create_session(await accounts.add_user("alice", PASSWORD), days=1)
    await accounts.create_key("alice", "ci", ["ask"])
    ((token_hash,),) = rows(path, "SELECT token_hash FROM sessions")
    ((secret_hash,),) = rows(path, "SELECT secret_hash FROM api_keys")
    assert await accounts.identify_session(str(token_hash)) is None
    assert await accounts.identify_key(str(secret_hash)) is None


async def test_ended_session_is_over_and_others_go_on(accounts: SqliteAccounts) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    first, second = [await accounts.create_session(alice, days=1) for _ in range(2)]
    await accounts.end_session(first)
    assert await accounts.identify_session(first) is None
    assert await accounts.identify_session(second) is not None


async def test_session_expires_and_is_removed_with_the_next_login(
    accounts: SqliteAccounts, clock: Clock, path: Path
) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    token = await accounts.create_session(alice, days=30)
    clock.pass_time(days=30, seconds=-1)
    assert await accounts.identify_session(token) is not None
    clock.pass_time(seconds=1)
    assert await accounts.identify_session(token) is None
    await accounts.create_session(alice, days=30)
    assert rows(path, "SELECT count(*) FROM sessions") == [(1,)]


# ---- API keys ----------------------------------------------------------------------------


async def test_key_is_its_users_with_the_rights_it_was_given(accounts: SqliteAccounts) -> None:
    alice = await accounts.add_user("alice", PASSWORD)
    made = await accounts.create_key("Alice", " CI 任务 ", ["read", "ask", "read"])
    assert made.secret.startswith("wsa_")
    assert made.key.prefix == made.secret[:8]
    assert made.key.scopes == ("ask", "read")
    identity = await accounts.identify_key(made.secret)
    assert identity is not None
    assert (identity.owner_id, identity.user_name, identity.kind) == (alice.id, "alice", "key")
    assert identity.scopes == {"ask", "read"}
    assert identity.credential_id == made.key.id
    assert await accounts.identify_session(made.secret) is None


@pytest.mark.parametrize("scopes", [[], ["ask", "root"], [""]])
async def test_key_without_a_known_right_is_refused(
    accounts: SqliteAccounts, scopes: list[str]
) -> None:
    await accounts.add_user("alice", PASSWORD)
    with pytest.raises(InvalidRequest, match="ask, read, delete"):
        await accounts.create_key("alice", "ci", scopes)  # type: ignore[arg-type]
    assert await accounts.list_keys() == []


async def test_revoked_key_is_refused_and_still_listed(
    accounts: SqliteAccounts, clock: Clock
) -> None:
    await accounts.add_user("alice", PASSWORD)
    old = await accounts.create_key("alice", "old", ["ask"])
    clock.pass_time(seconds=1)
    new = await accounts.create_key("alice", "new", ["ask"])
    await accounts.revoke_key(old.key.id)
    assert await accounts.identify_key(old.secret) is None
    assert await accounts.identify_key(new.secret) is not None
    listed = await accounts.list_keys()
    assert [(key.name, key.revoked_at) for key in listed] == [("new", None), ("old", clock.now)]
    for again in (old.key.id, "unknown", "\ud800", ""):
        with pytest.raises(InvalidRequest, match="no valid key"):
            await accounts.revoke_key(again)


async def test_last_use_is_written_once_a_minute(accounts: SqliteAccounts, clock: Clock) -> None:
    await accounts.add_user("alice", PASSWORD)
    made = await accounts.create_key("alice", "ci", ["ask"])
    noted = []
    for seconds in (0, 59, 1):
        clock.pass_time(seconds=seconds)
        await accounts.identify_key(made.secret)
        (key,) = await accounts.list_keys()
        noted.append(key.last_used_at)
    start = clock.now - dt.timedelta(seconds=60)
    assert noted == [start, start, clock.now]


# ---- what is kept ------------------------------------------------------------------------


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


async def test_no_secret_is_in_any_byte_of_the_files(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "conversations.db")
    await store.open()
    alice = await store.accounts.add_user("alice", PASSWORD)
    await store.accounts.check_password("alice", PASSWORD)
    token = await store.accounts.create_session(alice, days=1)
    secret = (await store.accounts.create_key("alice", "ci", ["ask"])).secret
    await store.accounts.identify_session(token)
    await store.accounts.identify_key(secret)
    while_open = bytes_of(tmp_path / "data")
    await store.close()
    for kept in (while_open, bytes_of(tmp_path / "data")):
        assert b"alice" in kept
        assert b"$argon2id$" in kept
        assert secret[:8].encode() in kept
        for plain in (PASSWORD, token, secret, secret.removeprefix("wsa_"), secret[:9]):
            assert plain.encode() not in kept
