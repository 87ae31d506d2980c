"""Keeps secrets out of the log: the settings' keys and proxies, every API key, and what stands in
headers that name a person: `Authorization`, and the cookie of a session."""

import base64
import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from websearch_agent.config import Settings

REPLACEMENT = "[secret]"
# A shorter one (somebody's "none" or "test") would be cut out of ordinary words.
MIN_SECRET_LENGTH = 5

_API_KEY = r"wsa_[A-Za-z0-9_-]{8,}"
# After these, whatever it is: a token of another server, or a session of ours. Also as a dict or a
# list of headers shows it. A word of a sentence ("Basic authentication") is no token.
_BEFORE_COOKIE = r"""websearch_session['"]?\s*[=:,]\s*b?['"]?"""
_BEFORE_CREDENTIALS = r"""\b(?i:bearer|basic)\s+(?=[^\s'",;]*[0-9=]|[^\s'",;]{20})"""
_VALUE = r"[A-Za-z0-9._~%+/=-]"
_AFTER_NAME = re.compile(rf"({_BEFORE_COOKIE}){_VALUE}+|({_BEFORE_CREDENTIALS}){_VALUE}{{8,}}")


def secrets_of(settings: Settings) -> set[str]:
    """The value of each secret setting, and if it is an address, the password in it and what a
    proxy is sent of it."""
    secrets: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secrets |= {value.get_secret_value(), *_passwords_in(value.get_secret_value())}
    return {secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}


def _passwords_in(address: str) -> set[str]:
    """As they stand there, as they are meant, and both as `Basic` sends them."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return set()
    if not parts.password:
        return set()
    pairs = {
        (parts.username or "", parts.password),
        (unquote(parts.username or ""), unquote(parts.password)),
    }
    return {password for _, password in pairs} | {_basic(*pair) for pair in pairs}


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode()


def _written_forms(secret: str) -> set[str]:
    """As `repr` and JSON show it: alone, or within a longer text that chose the quotes."""
    in_bytes = secret.encode("utf-8", "surrogatepass")
    # Where the text around it holds double quotes too, repr escapes the single ones.
    quoted = {repr(secret + '"')[1:-2], repr(in_bytes + b'"')[2:-2], ascii(secret + '"')[1:-2]}
    alone = {repr(secret)[1:-1], repr(in_bytes)[2:-1], ascii(secret)[1:-1]}
    in_json = {json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    return {secret, *quoted, *alone, *in_json}


class SecretFilter(logging.Filter):
    """Takes secrets out of message, traceback and stack of each record that a handler gets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        forms = {form for secret in secrets for form in _written_forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join([*map(re.escape, longest_first), _API_KEY]))
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
        text = self._secrets.sub(REPLACEMENT, text)
        return _AFTER_NAME.sub(rf"\1\2{REPLACEMENT}", text)


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
