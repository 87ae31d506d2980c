"""The command line."""

from websearch_agent.cli.app import main

__all__ = ["main"]
