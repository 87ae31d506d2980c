"""The graph: respond → search_web → read_pages → select_sources → respond → verify_citations."""

import os
from functools import cache

# Before the import: checkpoints are not used, and neither tracing nor loose msgpack types may
# ever be switched on from outside (advisory GHSA-g48c-2wqr-h844).
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
os.environ["LANGSMITH_TRACING"] = "false"

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from websearch_agent.agent.gather import read_pages, search_web, select_sources
from websearch_agent.agent.respond import respond
from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.agent.verify import verify_citations

NODES_PER_SEARCH = 4


@cache
def agent_graph() -> CompiledStateGraph[AgentState, AgentContext, AgentState, AgentState]:
    """The compiled graph. It has no checkpoints: turns are stored whole, by `agent.run`."""
    graph = StateGraph(AgentState, context_schema=AgentContext)
    graph.add_node("respond", respond)
    graph.add_node("search_web", search_web)
    graph.add_node("read_pages", read_pages)
    graph.add_node("select_sources", select_sources)
    graph.add_node("verify_citations", verify_citations)
    graph.add_edge(START, "respond")
    graph.add_edge("search_web", "read_pages")
    graph.add_edge("read_pages", "select_sources")
    graph.add_edge("select_sources", "respond")
    graph.add_edge("verify_citations", END)
    return graph.compile()


def recursion_limit(max_searches: int) -> int:
    """Steps that so many searches need; langgraph's own default is 10,007."""
    # And one more `respond` where the sources of an earlier turn are taken up again.
    return NODES_PER_SEARCH * (max_searches + 1) + 4
