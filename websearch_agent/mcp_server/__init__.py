"""The program as tools of an agent (Model Context Protocol): the tools, and stdio for them.

Over HTTP they are served by `server/mcp_door.py`.
"""

from websearch_agent.config import Settings


async def run_stdio(settings: Settings) -> None:
    """Serve the tools over stdin and stdout until stdin ends.

    Nothing but the protocol is written to stdout. Raises ConfigError, StoreError.
    """
    # Here and not above: `server` imports this package, and needs no concrete class.
    from websearch_agent.mcp_server.stdio import serve_stdio

    await serve_stdio(settings)
