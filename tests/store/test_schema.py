"""Databases of other versions of the program."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import StoreError
from websearch_agent.store.schema import SCHEMA_VERSION
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import Answer

pytestmark = pytest.mark.anyio

BEFORE_USERS = """
CREATE TABLE conversations (
    id VARCHAR(36) NOT NULL, title TEXT NOT NULL, created_at VARCHAR(40) NOT NULL,
    updated_at VARCHAR(40) NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX ix_conversations_updated_at ON conversations (updated_at);
CREATE TABLE turns (
    id VARCHAR(36) NOT NULL, conversation_id VARCHAR(36) NOT NULL, position INTEGER NOT NULL,
    question TEXT NOT NULL, status VARCHAR(16) NOT NULL, answer TEXT, failure TEXT,
    created_at VARCHAR(40) NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);
CREATE INDEX ix_turns_conversation_id ON turns (conversation_id);
INSERT INTO conversations VALUES
    ('c1', 'older', '2026-10-01T08:00:00+00:00', '2026-10-01T08:00:00+00:00'),
    ('c2', 'newer', '2026-10-02T08:00:00+00:00', '2026-10-02T08:00:00+00:00');
INSERT INTO turns VALUES
    ('t1', 'c1', 1, 'first?', 'stopped', NULL, NULL, '2026-10-01T08:00:00+00:00'),
    ('t2', 'c1', 2, 'second?', 'failed', NULL,
     '{"code": "page_empty", "message": "Empty.", "retryable": false}',
     '2026-10-01T08:01:00+00:00');
"""

WITH_USERS = """
CREATE TABLE conversations (
    id VARCHAR(36) NOT NULL, owner_id VARCHAR(36) DEFAULT 'local' NOT NULL, title TEXT NOT NULL,
    created_at VARCHAR(40) NOT NULL, updated_at VARCHAR(40) NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX ix_conversations_owner ON conversations (owner_id, updated_at DESC);
CREATE TABLE turns (
    id VARCHAR(36) NOT NULL, conversation_id VARCHAR(36) NOT NULL, position INTEGER NOT NULL,
    question TEXT NOT NULL, status VARCHAR(16) NOT NULL, answer TEXT, failure TEXT,
    created_at VARCHAR(40) NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);
CREATE INDEX ix_turns_conversation_id ON turns (conversation_id);
CREATE TABLE users (
    id VARCHAR(36) NOT NULL, name VARCHAR(64) NOT NULL, password_hash TEXT NOT NULL,
    created_at VARCHAR(40) NOT NULL, PRIMARY KEY (id), UNIQUE (name)
);
CREATE TABLE sessions (
    token_hash VARCHAR(64) NOT NULL, id VARCHAR(36) NOT NULL, user_id VARCHAR(36) NOT NULL,
    created_at VARCHAR(40) NOT NULL, expires_at VARCHAR(40) NOT NULL, PRIMARY KEY (token_hash),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE TABLE api_keys (
    id VARCHAR(36) NOT NULL, secret_hash VARCHAR(64) NOT NULL, prefix VARCHAR(16) NOT NULL,
    user_id VARCHAR(36) NOT NULL, name VARCHAR(64) NOT NULL, scopes VARCHAR(64) NOT NULL,
    created_at VARCHAR(40) NOT NULL, last_used_at VARCHAR(40), revoked_at VARCHAR(40),
    PRIMARY KEY (id), UNIQUE (secret_hash),
    FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_api_keys_user_id ON api_keys (user_id);
INSERT INTO users VALUES ('u1', 'ann', 'no hash', '2026-10-01T08:00:00+00:00');
INSERT INTO api_keys VALUES
    ('k1', 'secret hash', 'wsa_1', 'u1', 'laptop', 'ask read', '2026-10-01T08:00:00+00:00',
     NULL, NULL);
INSERT INTO conversations VALUES
    ('c1', 'u1', 'Die Brücke', '2026-10-01T08:00:00+00:00', '2026-10-01T08:00:00+00:00'),
    ('c2', 'u1', 'newer', '2026-10-02T08:00:00+00:00', '2026-10-02T08:00:00+00:00');
INSERT INTO turns VALUES
    ('t1', 'c1', 1, 'Wann gebaut?', 'finished', '{"text": "红桥 was opened in 1932 [1]."}', NULL,
     '2026-10-01T08:00:00+00:00'),
    ('t2', 'c2', 1, 'first?', 'running', NULL, NULL, '2026-10-02T08:00:00+00:00'),
    ('t3', 'c2', 2, 'damaged?', 'stopped', 'no JSON', NULL, '2026-10-02T08:00:00+00:00');
PRAGMA user_version = 1;
"""

# Version 2 is version 1 with these; what was there before is in the same place.
WITH_SHARES = f"""
{WITH_USERS}
ALTER TABLE conversations ADD COLUMN deleted_at VARCHAR(40);
ALTER TABLE conversations ADD COLUMN folded_title TEXT NOT NULL DEFAULT '';
ALTER TABLE turns ADD COLUMN replaces_from INTEGER;
ALTER TABLE turns ADD COLUMN follow_ups TEXT;
ALTER TABLE turns ADD COLUMN folded_text TEXT NOT NULL DEFAULT '';
CREATE TABLE shares (
    token VARCHAR(64) NOT NULL, conversation_id VARCHAR(36) NOT NULL, title TEXT NOT NULL,
    last_position INTEGER NOT NULL, created_at VARCHAR(40) NOT NULL, PRIMARY KEY (token),
    FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE,
    UNIQUE (conversation_id)
);
INSERT INTO shares VALUES ('token', 'c1', 'Die Brücke', 1, '2026-10-01T08:00:00+00:00');
UPDATE conversations SET folded_title = 'die brücke' WHERE id = 'c1';
PRAGMA user_version = 2;
"""
OLD = pytest.mark.parametrize(
    "script", [BEFORE_USERS, WITH_USERS, WITH_SHARES], ids=["version 0", "version 1", "version 2"]
)


def write_database(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    path.chmod(0o644)
    return path


@pytest.fixture
def old_database(path: Path) -> Path:
    return write_database(path, BEFORE_USERS)


def layout(path: Path) -> list[tuple[str, str, str]]:
    """Tables with their columns, and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall()
        described = []
        for kind, name in rows:
            pragma = "table_info" if kind == "table" else "index_info"
            columns = connection.execute(f"SELECT name FROM pragma_{pragma}('{name}')").fetchall()
            described.append((kind, name, ",".join(sorted(str(column) for (column,) in columns))))
        return described


def rights_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def set_rights(path: Path, rights: int) -> None:
    path.chmod(rights)


async def test_old_conversations_belong_to_nobodys_login_and_are_whole(old_database: Path) -> None:
    store = SqliteStore(old_database)
    await store.open()
    local = store.for_owner(LOCAL_OWNER)
    titles = [kept.title for kept in await local.list_conversations()]
    loaded = await local.load_conversation("c1")
    strangers = await store.for_owner("somebody").list_conversations()
    await store.close()
    assert titles == ["newer", "older"]
    assert [(t.id, t.question, t.status) for t in loaded.turns] == [
        ("t1", "first?", "stopped"),
        ("t2", "second?", "failed"),
    ]
    assert loaded.turns[1].failure is not None
    assert loaded.turns[1].failure.message == "Empty."
    assert strangers == []


async def test_old_database_can_have_users(old_database: Path) -> None:
    store = SqliteStore(old_database)
    await store.open()
    user = await store.accounts.add_user("alice", "correct horse battery")
    assert await store.accounts.adopt_conversations("alice") == 2
    titles = [kept.title for kept in await store.for_owner(user.id).list_conversations()]
    await store.close()
    assert titles == ["newer", "older"]


async def test_database_with_users_keeps_everything(path: Path) -> None:
    store = SqliteStore(write_database(path, WITH_USERS))
    await store.open()
    owned = store.for_owner("u1")
    titles = [kept.title for kept in await owned.list_conversations()]
    loaded = await owned.load_conversation("c1")
    (key,) = await store.accounts.list_keys()
    await store.close()
    assert titles == ["newer", "Die Brücke"]
    assert [(turn.question, turn.status) for turn in loaded.turns] == [("Wann gebaut?", "finished")]
    assert loaded.turns[0].answer == Answer(text="红桥 was opened in 1932 [1].")
    assert (key.user_name, key.name, key.scopes) == ("ann", "laptop", ("ask", "read"))


@pytest.mark.parametrize(
    ("search", "found"),
    [("BRÜCKE", ["c1"]), ("gebaut", ["c1"]), ("红桥", ["c1"]), ("first?", ["c2"]), ("JSON", [])],
)
async def test_conversations_from_before_the_search_are_found(
    path: Path, search: str, found: list[str]
) -> None:
    store = SqliteStore(write_database(path, WITH_USERS))
    await store.open()
    hits = await store.for_owner("u1").list_conversations(search=search)
    await store.close()
    assert [hit.id for hit in hits] == found


async def test_conversation_from_before_the_links_can_be_shared_deleted_and_restored(
    path: Path,
) -> None:
    store = SqliteStore(write_database(path, WITH_USERS))
    await store.open()
    owned = store.for_owner("u1")
    share = await owned.share_conversation("c1")
    await owned.delete_conversation("c1")
    restored = await owned.restore_conversation("c1")
    shared = await store.shared.load_shared(share.token)
    await store.close()
    assert restored.title == shared.title == "Die Brücke"
    assert [turn.id for turn in shared.turns] == ["t1"]


async def test_database_with_shares_keeps_them_and_takes_keys(path: Path) -> None:
    store = SqliteStore(write_database(path, WITH_SHARES))
    await store.open()
    owned = store.for_owner("u1")
    found = [kept.id for kept in await owned.list_conversations(search="BRÜCKE")]
    shared = await store.shared.load_shared("token")
    await owned.remember_key("k", body_hash="h", turn_id="t1")
    keyed = await owned.find_key("k")
    await store.close()
    assert found == ["c1"]
    assert [turn.id for turn in shared.turns] == ["t1"]
    assert keyed is not None
    assert (keyed.body_hash, keyed.conversation_id, keyed.turn.id) == ("h", "c1", "t1")


@OLD
async def test_old_database_becomes_like_a_new_one(path: Path, tmp_path: Path, script: str) -> None:
    for database in (write_database(path, script), tmp_path / "new.db"):
        store = SqliteStore(database)
        await store.open()
        await store.close()
    assert layout(path) == layout(tmp_path / "new.db")


async def test_old_file_that_others_could_read_is_closed_to_them(old_database: Path) -> None:
    store = SqliteStore(old_database)
    await store.open()
    await store.close()
    assert rights_of(old_database) == 0o600


@pytest.mark.parametrize("rights", [0o644, 0o666, 0o640])
async def test_files_that_others_could_read_are_closed_to_them_at_every_open(
    path: Path, rights: int
) -> None:
    first = SqliteStore(path)
    await first.open()
    files = [path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))]
    for file in files:
        set_rights(file, rights)
    # The first one is still open, so that all three files are there.
    second = SqliteStore(path)
    await second.open()
    found = [rights_of(file) for file in files]
    await second.close()
    await first.close()
    assert found == [0o600] * 3


async def test_journal_of_a_file_from_a_backup_is_born_private(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()
    set_rights(path, 0o644)
    await store.open()
    await store.accounts.add_user("alice", "correct horse battery")
    found = {file.name: rights_of(file) for file in path.parent.glob(f"{path.name}*")}
    await store.close()
    assert found == {f"{path.name}{end}": 0o600 for end in ("", "-wal", "-shm")}


@OLD
async def test_two_programs_may_open_an_old_database_at_once(path: Path, script: str) -> None:
    old_database = write_database(path, script)
    stores = [SqliteStore(old_database) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    counts = [await store.count_conversations() for store in stores]
    for store in stores:
        await store.close()
    assert counts == [2, 2, 2, 2]


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, -1])
async def test_database_of_an_unknown_version_is_left_alone(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE later (a); PRAGMA user_version = {version};")
    before = layout(path)
    with pytest.raises(StoreError, match=r"newer websearch-agent, or name another file in WEBSEA"):
        await SqliteStore(path).open()
    assert layout(path) == before


async def test_program_from_before_the_users_can_still_write(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO conversations (id, title, created_at, updated_at) "
            "VALUES ('c9', 'old program', '2026-10-01T08:00:00+00:00', '2026-10-01T08:00:00+00:00')"
        )
    (kept,) = await store.for_owner(LOCAL_OWNER).list_conversations()
    await store.close()
    assert kept.title == "old program"
