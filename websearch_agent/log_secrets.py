"""Keeps secrets out of the log: the settings' keys and proxies, and every API key."""

import logging
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from websearch_agent.config import Settings

REPLACEMENT = "[secret]"
# A shorter one (somebody's "none" or "test") would be cut out of ordinary words.
MIN_SECRET_LENGTH = 5

_API_KEY = re.compile(r"wsa_[A-Za-z0-9_-]{8,}")


def secrets_of(settings: Settings) -> set[str]:
    """The value of each secret setting, and the password in it if it is an address."""
    secrets: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secrets.add(value.get_secret_value())
            password = _password_in(value.get_secret_value())
            secrets |= {password, unquote(password)}
    return {secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}


def _password_in(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


class SecretFilter(logging.Filter):
    """Takes secrets out of message, traceback and stack of each record that a handler gets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        longest_first = sorted(secrets, key=len, reverse=True)
        self._secrets = re.compile("|".join([*map(re.escape, longest_first), _API_KEY.pattern]))
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._clean(_message_of(record)), ()
        if record.exc_info:
            record.exc_text = record.exc_text or self._formatter.formatException(record.exc_info)
            # Another formatter would make the text anew, and a tool would read its locals.
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self._clean(record.stack_info)
        return True

    def _clean(self, text: str) -> str:
        return self._secrets.sub(REPLACEMENT, text)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # of a library whose arguments do not fit its words
        return f"{record.msg} {record.args}"


def keep_secrets_out_of_logs(settings: Settings) -> None:
    """For every handler there is: a filter of a logger would miss the loggers below it."""
    secret_filter = SecretFilter(secrets_of(settings))
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    handlers = {handler for logger in (logging.root, *loggers) for handler in logger.handlers}
    if logging.lastResort is not None:
        handlers.add(logging.lastResort)
    for handler in handlers:
        handler.addFilter(secret_filter)
