"""The command line."""


def main() -> None:
    """Run it. Imported here: Ctrl-C while the modules load is no traceback either."""
    try:
        from websearch_agent.cli.app import main as run_app

        run_app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
