import pytest

from websearch_agent.errors import InvalidRequest
from websearch_agent.store.credentials import (
    check_key_name,
    check_new_password,
    check_user_name,
    hash_secret,
    new_key_secret,
    new_session_token,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("alice", "alice"),
        ("ALICE", "alice"),
        ("Ａlice", "alice"),
        ("Jose\u0301", "josé"),
        ("李雷", "李雷"),
        ("a.b_c-1", "a.b_c-1"),
        ("x" * 64, "x" * 64),
    ],
)
def test_user_name_has_one_form(typed: str, kept: str) -> None:
    assert check_user_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "x" * 65,
        "al ice",
        "alice\n",
        "\x1b[2J",
        "a/b",
        "-rm",
        "..",
        "ali\u200bce",
        "\u3164",
        "a\u3164b",
        "\ud800",
        "a'--",
        "🙂",
    ],
)
def test_user_name_that_is_not_plain_is_refused(typed: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_user_name(typed)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("typed", ["local", "LOCAL", "ｌocal"])
def test_name_for_conversations_without_a_login_is_reserved(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="without a login"):
        check_user_name(typed)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "at least 10"),
        ("123456789", "at least 10"),
        ("x" * 1025, "at most 1,024"),
        ("Christopher", "user's name"),
        ("ＣＨＲＩＳＴＯＰＨＥＲ", "user's name"),
        ("long enough \udcff", "not readable"),
    ],
)
def test_password_that_is_too_easy_is_refused(password: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        check_new_password(password, user_name="christopher")


@pytest.mark.parametrize("password", ["0123456789", "x" * 1024, "正确的马电池订书钉哦哦", " " * 10])
def test_password_of_ten_characters_is_taken(password: str) -> None:
    check_new_password(password, user_name="christopher")


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb", "a\x1b[2J", "a\u202eb", "\ud800"])
def test_key_name_that_would_not_show_as_it_is_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_key_name(name)


def test_key_name_may_be_words() -> None:
    assert check_key_name(" CI 任务, nightly ") == "CI 任务, nightly"


def test_secrets_are_long_and_never_the_same() -> None:
    keys = {new_key_secret() for _ in range(100)}
    assert len(keys) == 100
    assert {key[:4] for key in keys} == {"wsa_"}
    # 32 bytes are 43 characters of base64.
    assert {len(key) for key in keys} == {47}
    assert len(new_session_token()) == 43


def test_hash_tells_nothing_of_a_secret() -> None:
    # Of the empty text and of "abc": FIPS 180-4 examples.
    assert hash_secret("").startswith("e3b0c44298fc1c14")
    assert hash_secret("abc").startswith("ba7816bf8f01cfea")
    assert len(hash_secret("\ud800")) == 64
