"""What the bodies of both OpenAI APIs have in common: texts, tools, and how to search.

Unknown fields are taken and ignored, as OpenAI takes what it does not know yet. What would change
the answer's form, and cannot be done here, is refused with the field's name.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from websearch_agent.errors import InvalidRequest
from websearch_agent.search.domain_filter import plain_domain

MAX_DOMAINS = 100


class Lenient(BaseModel):
    """Strict in types, lenient with fields that it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


def refuse(message: str, *, code: str = "unsupported_value") -> PydanticCustomError:
    """For validators; it becomes an error in OpenAI's form with this code."""
    return PydanticCustomError(code, "{message}", {"message": message})


# ---- texts ---------------------------------------------------------------------------------------


class TextPart(Lenient):
    """A piece of text. There are no others: pictures, sound and files are refused."""

    type: Literal["text", "input_text", "output_text"]
    text: str


class RefusalPart(Lenient):
    """What an assistant said instead of an answer."""

    type: Literal["refusal"]
    refusal: str


Part = Annotated[TextPart | RefusalPart, Field(discriminator="type")]
Content = str | list[Part]


def text_of(content: Content | None) -> str:
    """All text of a message, its parts joined."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text if isinstance(part, TextPart) else part.refusal for part in content)


# ---- how to search -------------------------------------------------------------------------------


def _check_domain(text: str) -> str:
    try:
        return plain_domain(text)
    except InvalidRequest as error:
        raise refuse(error.message, code="invalid_value") from error


def _check_signed_domain(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    return sign + _check_domain(text.removeprefix("-"))


Domain = Annotated[str, Field(min_length=1), AfterValidator(_check_domain)]
SignedDomain = Annotated[str, Field(min_length=1), AfterValidator(_check_signed_domain)]
ContextSize = Literal["low", "medium", "high"]


class SearchFilters(Lenient):
    """Sites to which the search is held, with all below them, or which are left out."""

    allowed_domains: list[Domain] | None = Field(default=None, max_length=MAX_DOMAINS)
    blocked_domains: list[Domain] | None = Field(default=None, max_length=MAX_DOMAINS)


class WebSearchOptions(Lenient):
    """Offers searching. `user_location` is taken and ignored: a country is not a language."""

    search_context_size: ContextSize | None = Field(
        default=None, description="How much is read: `quick`, `balanced` or `deep`."
    )
    filters: SearchFilters | None = None
    user_location: dict[str, Any] | None = None


class WebSearchTool(WebSearchOptions):
    """Offers searching; a `tool_choice` of this type, or `required`, makes it search."""

    type: Literal[
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ]


class SearchFields(Lenient):
    """What both APIs take at the top of the body: Perplexity's fields, and how tools are used."""

    search_mode: Literal["web"] | None = Field(
        default=None, description="`web` offers searching; there are no other collections."
    )
    search_domain_filter: list[SignedDomain] | None = Field(
        default=None,
        max_length=MAX_DOMAINS,
        description="Sites to which the search is held; with `-` in front, such as are left out.",
    )
    search_recency_filter: Literal["hour", "day", "week", "month", "year"] | None = Field(
        default=None, description="How old pages may be; `hour` means `day`."
    )
    disable_search: bool | None = Field(
        default=None, description="Answer without the web, whatever else the request says."
    )
    web_search_options: WebSearchOptions | None = None
    parallel_tool_calls: bool | None = Field(
        default=None, description="`false`: at most one function is called at a time."
    )


# ---- functions of the caller ---------------------------------------------------------------------


def _check_function_name(name: str) -> str:
    # As a name to choose they could not be told from the choices of these names.
    if name in ("auto", "none", "required"):
        raise refuse(f"'{name}' cannot be the name of a function.", code="invalid_value")
    return name


FunctionName = Annotated[
    str,
    Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$", max_length=64),
    AfterValidator(_check_function_name),
]


class FunctionSpec(Lenient):
    """A function of the caller. `strict` is ignored: arguments follow the schema where the model
    server can hold the model to it."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = Field(default=None, description="A JSON Schema.")


class CalledFunction(Lenient):
    """A call as the model wrote it; `arguments` is JSON text."""

    name: str
    arguments: str


class NamedFunction(Lenient):
    name: FunctionName


class ToolChoice(Lenient):
    """Names the tool to use: a function of the caller, or the web search."""

    type: Literal[
        "function",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ]
    function: NamedFunction | None = None
    name: FunctionName | None = None

    @property
    def function_name(self) -> str | None:
        """The chat's form has it in `function`, the other API's beside `type`."""
        return self.function.name if self.function is not None else self.name


ToolChoiceField = Literal["auto", "none", "required"] | ToolChoice


# ---- what cannot be done -------------------------------------------------------------------------


def _refuse_true(value: bool) -> bool:
    if value:
        message = "Unsupported parameter: this server does not support it."
        raise refuse(message, code="unsupported_parameter")
    return value


def _refuse_any(value: object) -> object:
    if value is not None:
        message = "Unsupported parameter: this server does not support it."
        raise refuse(message, code="unsupported_parameter")
    return value


def _refuse_logprobs(count: int) -> int:
    if count:
        message = "Unsupported parameter: log probabilities of answers are not given."
        raise refuse(message, code="unsupported_parameter")
    return count


def _refuse_several(count: int) -> int:
    if count != 1:
        raise refuse("Unsupported value: only one answer (1) is given to a request.")
    return count


def _refuse_other_forms(form: dict[str, Any]) -> dict[str, Any]:
    kind = form.get("type")
    if kind != "text":
        shown = str(kind)[:40]
        raise refuse(
            f"Unsupported value: answers are text with citations; the form '{shown}' is not given."
        )
    return form


def _refuse_other_media(kinds: list[str]) -> list[str]:
    if any(kind != "text" for kind in kinds):
        raise refuse("Unsupported value: answers are text only.")
    return kinds


NotTrue = Annotated[bool, AfterValidator(_refuse_true)]
NotGiven = Annotated[Any, AfterValidator(_refuse_any)]
NoLogprobs = Annotated[int, AfterValidator(_refuse_logprobs)]
OneAnswer = Annotated[int, AfterValidator(_refuse_several)]
TextForm = Annotated[dict[str, Any], AfterValidator(_refuse_other_forms)]
TextMedia = Annotated[list[str], AfterValidator(_refuse_other_media)]
# Far above any window: no number for a 32-bit counter to stumble over.
TokenLimit = Annotated[int, Field(ge=1, le=1_000_000_000)]
