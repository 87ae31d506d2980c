"""How a wrong option is told."""

from typing import Any

import typer
from typer.core import TyperGroup

PYDANTIC_PREFIX = "Value error, "


class PlainUsageErrors(TyperGroup):
    """The program's commands; a wrong value of an option is told without pydantic's prefix.

    Typer 0.29 checks choices with pydantic and shows its message as it is.
    """

    def invoke(self, ctx: Any) -> Any:  # Typer's types here are private or click's, by version.
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix(PYDANTIC_PREFIX)
            raise
