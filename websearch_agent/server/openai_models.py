"""The names of models in the OpenAI-compatible API: `GET /v1/models`."""

from typing import Literal, get_args

from fastapi import APIRouter, Request
from pydantic import BaseModel

from websearch_agent.server.identity import SomebodyKnown, service_of
from websearch_agent.server.openai_description import described, example
from websearch_agent.server.openai_errors import PREFIX, OpenAIError, OpenAIRoute
from websearch_agent.types import SearchSwitch

router = APIRouter(prefix=PREFIX, tags=["openai"], route_class=OpenAIRoute)

OWN_NAME = "websearch-agent"
_SUFFIXES: tuple[SearchSwitch, ...] = get_args(SearchSwitch)


class ModelObject(BaseModel):
    """A name by which questions can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = OWN_NAME


class ModelList(BaseModel):
    """All names; of the model that serves them its own name is the last."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


_ONE = {"id": OWN_NAME, "object": "model", "created": 0, "owned_by": OWN_NAME}


@router.get(
    "/models",
    response_model=ModelList,
    responses=described(200, example({"object": "list", "data": [_ONE]})),
)
async def list_models(request: Request, asker: SomebodyKnown) -> ModelList:
    """`websearch-agent` lets the model decide whether to search; `:always` and `:never` decide it
    beforehand. The served model's own name means the same and takes the same suffixes."""
    served = service_of(request, asker).model.name
    return ModelList(data=[_described_model(name, served) for name in model_names(served)])


@router.get(
    "/models/{model_id:path}",
    response_model=ModelObject,
    responses=described(200, example(_ONE)),
)
async def show_model(model_id: str, request: Request, asker: SomebodyKnown) -> ModelObject:
    """One of the names, with any suffix that it takes."""
    served = service_of(request, asker).model.name
    search_of_model(model_id, served)
    return _described_model(model_id, served)


def model_names(served: str) -> list[str]:
    """All that are offered; `served` is the served model's own name, empty if it is not known."""
    own = [OWN_NAME, f"{OWN_NAME}:always", f"{OWN_NAME}:never"]
    return [*own, served] if served and served not in own else own


def search_of_model(name: str, served: str) -> SearchSwitch:
    """What the name says of searching. Raises OpenAIError (404) for a name that is not offered."""
    for known in (OWN_NAME, served):
        if known and name == known:
            return "auto"
        for suffix in _SUFFIXES:
            if known and name == f"{known}:{suffix}":
                return suffix
    shown = name if len(name) <= 80 else f"{name[:80]}…"
    names = ", ".join(model_names(served))
    raise OpenAIError(
        f"The model '{shown}' does not exist here. There are: {names}.",
        status=404,
        param="model",
        code="model_not_found",
    )


def _described_model(name: str, served: str) -> ModelObject:
    is_own = name.partition(":")[0] == OWN_NAME or not served
    return ModelObject(id=name, owned_by=OWN_NAME if is_own else "model-server")
