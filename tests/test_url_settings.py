"""Addresses in the settings hold no secret: they are shown in messages and by /api/health."""

import pytest

from websearch_agent.config import load_settings
from websearch_agent.errors import ConfigError


@pytest.mark.parametrize("name", ["model_url", "searxng_url", "ranking_url"])
@pytest.mark.parametrize("place", ["me:hush@host/v1", "hush@host", "me:hu@sh@host:8080?a=b"])
def test_user_and_password_in_an_address_are_refused(name: str, place: str) -> None:
    with pytest.raises(ConfigError, match="WEBSEARCH_MODEL_API_KEY") as caught:
        load_settings(**{name: f"https://{place}"})
    assert f"WEBSEARCH_{name.upper()}" in caught.value.message
    assert "hush" not in caught.value.message


def test_at_sign_behind_the_host_is_no_password() -> None:
    assert load_settings(model_url="http://host/v1/@me").model_url == "http://host/v1/@me"
