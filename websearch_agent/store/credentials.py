"""Names, passwords and secrets: what is allowed, and what is kept of them."""

import asyncio
import hashlib
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.errors import InvalidRequest
from websearch_agent.invisible_text import visible_text

KEY_BEGINNING = "wsa_"
KEY_PREFIX_CHARS = 8
SECRET_BYTES = 32
MAX_NAME_CHARS = 64
MIN_PASSWORD_CHARS = 10
MAX_PASSWORD_CHARS = 1024
# One takes 64 MiB and 0.11 s: many logins at once must not take the machine's memory.
HASHES_AT_ONCE = 2


def fold_user_name(name: str) -> str:
    """The one form of a name: `Ａlice` and `ALICE` are `alice`."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())


def check_user_name(name: str) -> str:
    """The name as it is kept. Raises InvalidRequest."""
    folded = fold_user_name(name)
    if not 1 <= len(folded) <= MAX_NAME_CHARS:
        raise InvalidRequest(f"A user's name has 1 to {MAX_NAME_CHARS} characters.")
    plain = all(character.isalnum() or character in "._-" for character in folded)
    # Some letters are invisible (Hangul fillers): two names must not look the same by them.
    if not plain or visible_text(folded) != folded or not folded[0].isalnum():
        raise InvalidRequest(
            f"{name[:MAX_NAME_CHARS]!r} cannot be a user's name: letters, digits, dot, underline "
            "and hyphen are taken, with a letter or digit first."
        )
    if folded == LOCAL_OWNER:
        raise InvalidRequest(
            f"The name {LOCAL_OWNER} stands for conversations without a login. Take another one."
        )
    return folded


def check_new_password(password: str, *, user_name: str) -> None:
    """Raises InvalidRequest for one that is too easy, or that cannot be kept."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise InvalidRequest(f"The password needs at least {MIN_PASSWORD_CHARS} characters.")
    if len(password) > MAX_PASSWORD_CHARS:
        raise InvalidRequest(f"The password may have at most {MAX_PASSWORD_CHARS:,} characters.")
    if not _is_text(password):
        raise InvalidRequest("The password is not readable text. Send it as UTF-8.")
    if fold_user_name(password) == fold_user_name(user_name):
        raise InvalidRequest("The password must not be the user's name.")


def check_key_name(name: str) -> str:
    """The name as it is kept. Raises InvalidRequest."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= MAX_NAME_CHARS:
        raise InvalidRequest(f"A key's name has 1 to {MAX_NAME_CHARS} characters.")
    if visible_text(trimmed) != trimmed or not trimmed.isprintable():
        raise InvalidRequest("A key's name is one line of visible characters.")
    return trimmed


def new_session_token() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def new_key_secret() -> str:
    return KEY_BEGINNING + secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """SHA-256 as 64 hex digits, for 32 random bytes: nobody can try them all, so that a slow
    hash would add nothing but its time to each request."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class PasswordHashes:
    """Argon2id in threads: a hash takes about 0.1 s of a core."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = asyncio.Semaphore(HASHES_AT_ONCE)
        self._of_nobody: str | None = None

    async def make(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, _composed(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; without a hash (no such user) False after the same work."""
        if len(password) > MAX_PASSWORD_CHARS or not _is_text(password):
            return False
        if self._of_nobody is None:
            # Before each first check, whoever asks: else the first unknown name would tell.
            self._of_nobody = await self.make(new_session_token())
        async with self._places:
            return await asyncio.to_thread(
                self._verify, password_hash or self._of_nobody, _composed(password)
            )

    def is_outdated(self, password_hash: str) -> bool:
        """Made with other costs than a new one would be."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _composed(password: str) -> str:
    """Keyboards write `é` as one character or as two."""
    return unicodedata.normalize("NFC", password)


def _is_text(password: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in password)
