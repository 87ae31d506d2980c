"""`model check`, and the embedded model's weights."""

import json
import os
from contextlib import aclosing
from dataclasses import asdict

from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from websearch_agent.cli.terminal import printable_line
from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import ConfigError
from websearch_agent.models.checked_server import CheckedServer, open_server
from websearch_agent.models.server_check import CheckResult, check_server
from websearch_agent.models.weights import ensure_weights


def settings_of_check(
    settings: Settings, *, url: str | None, name: str | None, key_variable: str | None
) -> Settings:
    """The settings with what the options say instead. Raises ConfigError."""
    changes: dict[str, object] = {}
    if url is not None:
        # The configured name, key and profile belong to the configured server.
        changes = {"model_name": None, "model_api_key": None, "model_profile": None}
        # Through the settings' own checks, of the URL alone.
        changes["model_url"] = load_settings(model_url=url).model_url
    if name is not None:
        changes["model_name"] = name
    if key_variable is not None:
        key = os.environ.get(key_variable)
        if not key:
            raise ConfigError(f"--key-from-env: the variable {key_variable} is not set.")
        changes["model_api_key"] = SecretStr(key)
    return settings.model_copy(update=changes)


async def check_model(settings: Settings, *, as_json: bool) -> bool:
    """Try out the model and print what was found; True if the agent can use it."""
    server = open_server(settings)
    results: list[CheckResult] = []
    # The one in work is shown on a terminal only, and with --json not in the way of the object.
    console = Console(stderr=as_json)
    status = console.status("")
    try:
        checks = check_server(server, on_start=lambda name: status.update(f"trying {name}"))
        with status:
            async with aclosing(checks) as found:
                async for result in found:
                    results.append(result)
                    if not as_json:
                        console.out(_line(result), highlight=False)
    finally:
        await server.model.close()
    failed = [result.name for result in results if result.needed and result.status == "no"]
    if as_json:
        print(json.dumps(_as_json(server, results, failed), ensure_ascii=False, indent=2))
    elif failed:
        print(f"\nThe agent cannot use this model: {', '.join(failed)}.")
    else:
        print("\nThe agent can use this model.")
    return not failed


def _line(result: CheckResult) -> str:
    status = "NO" if result.status == "no" and result.needed else result.status
    line = f"{status:<8} {result.name:<17} {result.seconds:6.1f} s  {result.detail}"
    return printable_line(line)


def _as_json(
    server: CheckedServer, results: list[CheckResult], failed: list[str]
) -> dict[str, object]:
    reached = results[0].status == "ok"
    return {
        "usable": not failed,
        "failed": failed,
        "model": server.model.name,
        "profile": server.profile.name if reached else None,
        "dialect": server.dialect() if reached else None,
        "checks": [asdict(result) for result in results],
    }


async def pull_weights(settings: Settings) -> None:
    """Download and check the weights, with a progress bar. Raises ModelError, ConfigError."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("Model"),
        BarColumn(),
        DownloadColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("Model", total=None)

        def show(done_bytes: int, total_bytes: int) -> None:
            progress.update(task, completed=done_bytes, total=total_bytes)

        path = await ensure_weights(
            model_path=settings.model_path, models_dir=settings.models_dir, on_progress=show
        )
    print(f"The embedded model is there: {path}")
