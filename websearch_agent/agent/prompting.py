"""What a call may show the model and let it do, from the state of the question."""

import asyncio

from websearch_agent.agent.state import AgentContext, AgentState
from websearch_agent.types import Evidence, Prompt, SearchSwitch, Source

# Below this many seconds another search could not end in an answer.
MIN_SECONDS_TO_SEARCH = 20.0


def build_prompt(
    state: AgentState, context: AgentContext, *, sources: tuple[Source, ...] = ()
) -> Prompt:
    """The prompt of the next call, not yet fitted to the window."""
    evidence = None
    if state["searches_made"] > 0 or state["reused"]:
        evidence = Evidence(state["queries"], sources)
    return Prompt(
        today=context.today,
        question=context.request.question,
        history=context.history,
        evidence=evidence,
        search=search_switch(state, context),
        in_hand=context.in_hand if evidence is None else (),
        addresses=context.addresses if evidence is None else (),
        boundary=context.boundary,
        instructions=context.request.instructions,
        answer_limit=context.request.max_answer_tokens,
    )


def search_switch(state: AgentState, context: AgentContext) -> SearchSwitch:
    """What this call may do: the person's switch, while searches and time are left."""
    if state["reused"]:
        return "never"
    if state["searches_made"] == 0:
        return context.request.search
    seconds_left = context.answer_by - asyncio.get_running_loop().time()
    may_search = (
        context.request.search != "never"
        and state["searches_made"] < context.plan.max_searches
        and seconds_left > MIN_SECONDS_TO_SEARCH
    )
    return "auto" if may_search else "never"


def citable_sources(prompt: Prompt, context: AgentContext) -> dict[int, Source]:
    """By number, the sources that an answer to this prompt can name.

    Those that the prompt shows, and those that the shown history cites. Any other number of the
    conversation would be a guess of the model.
    """
    said = "".join(message.content for message in prompt.history)
    cited = {s.number: s for s in context.earlier_sources if f"[{s.number}]" in said}
    shown = prompt.evidence.sources if prompt.evidence is not None else prompt.in_hand
    return {**cited, **{source.number: source for source in shown}}
