"""`model list` and `model show`: the profiles, and which one is in force."""

import json
import sys
from dataclasses import asdict

from websearch_agent.cli.terminal import printable_line
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError, ConfigError
from websearch_agent.models.embedded import MODEL_NAME
from websearch_agent.models.profile import (
    Profile,
    configured_profile,
    find_profile,
    profile_for,
    shipped_profiles,
)
from websearch_agent.models.vllm_command import ServeOptions, build_command, shell_text

MAX_SHOWN_GLOBS = 3
# With the columns in front of them a line has at most 100.
MAX_GLOBS_WIDTH = 46


async def list_profiles(settings: Settings) -> None:
    """Print a line for each profile and for one's own, the one in force marked."""
    in_force, why = await _profile_in_force(settings)
    profiles = list(shipped_profiles())
    # By identity: a file of one's own may bear the name of a shipped one.
    if in_force is not None and not any(profile is in_force for profile in profiles):
        profiles.append(in_force)
    rows = [(" ", "profile", "dialect", "window", "reasoning", "served names")]
    for profile in profiles:
        mark = "*" if profile is in_force else " "
        window, form = str(profile.context_window), profile.reasoning.form
        globs = _shorten_globs(profile.match)
        rows.append((mark, printable_line(profile.name), profile.dialect, window, form, globs))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join((*cells, row[5])).rstrip())
    print(f"\n{why}")


def _shorten_globs(globs: tuple[str, ...]) -> str:
    """The first few that fit; `model show` tells all."""
    for count in range(min(MAX_SHOWN_GLOBS, len(globs)), 0, -1):
        shown = " ".join(globs[:count]) + " …" * (count < len(globs))
        if len(shown) <= MAX_GLOBS_WIDTH:
            return printable_line(shown)
    return "…" if globs else ""


async def _profile_in_force(settings: Settings) -> tuple[Profile | None, str]:
    """The profile that a question would be answered with now, and why that one."""
    try:
        profile = configured_profile(settings)
    except ConfigError as error:
        print(f"websearch-agent: {error.message}", file=sys.stderr)
        return None, "None is in force: WEBSEARCH_MODEL_PROFILE names no profile."
    if profile is not None:
        return profile, printable_line(f"* by WEBSEARCH_MODEL_PROFILE: {settings.model_profile}")
    if settings.model_url is None:
        return profile_for(MODEL_NAME), f"* by the name of the embedded model, {MODEL_NAME}"
    name = settings.model_name
    if not name:
        from websearch_agent.wiring import make_model

        model = make_model(settings)
        try:
            await model.prepare()
            name = model.name
        except AgentError as error:
            return None, f"Which one is in force is not known: {error.message}"
        finally:
            await model.close()
    return profile_for(name), printable_line(f"* by the name of the served model, {name}")


def show_profile(name: str) -> None:
    """Print all that a profile says. Raises ConfigError."""
    profile = find_profile(name)
    for key, value in asdict(profile).items():
        if key in ("serving", "notes"):
            continue
        if isinstance(value, dict):
            inner = {k: v for k, v in value.items() if v is not None}
            value = ", ".join(f"{k}={json.dumps(v)}" for k, v in inner.items())
        print(f"{key.ljust(15)} {_shown(value)}")
    serving = profile.serving
    print(f"{'hugging face'.ljust(15)} {serving.huggingface or '-'}")
    print(f"{'modelscope'.ljust(15)} {serving.modelscope or '-'}")
    if profile.notes:
        print(f"\n{profile.notes.strip()}")
    if serving.huggingface:
        print(f"\n{shell_text(build_command(profile, ServeOptions()))}")


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple | list):
        return " ".join(str(item) for item in value) or "-"
    return str(value)
