"""`model`: the embedded model's weights."""

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from websearch_agent.config import Settings
from websearch_agent.models.weights import ensure_weights


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
