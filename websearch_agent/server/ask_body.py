"""What `POST /api/answers` takes."""

from pydantic import BaseModel, ConfigDict, Field

from websearch_agent.server.request_fields import (
    ExcludedDomains,
    IncludedDomains,
    LanguageTag,
    RecentTime,
)
from websearch_agent.types import (
    AnswerRequest,
    EvidenceForm,
    Mode,
    SearchSwitch,
    Verification,
)

# Fields of the body that say how the answer is sent, not what is asked.
_OF_THE_STREAM = {"render", "resumable"}


class AskBody(BaseModel):
    """The body of `POST /api/answers`. Unknown fields are refused, so a typo is noticed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"question": "When was the lighthouse lit?", "search": "always"}]
        },
    )

    question: str = Field(description="What is asked, at most 20,000 characters.")
    conversation_id: str | None = Field(
        default=None, description="The conversation to go on with. Unset: a new one begins."
    )
    search: SearchSwitch = Field(
        default="auto", description="`auto`: the model decides whether the web is searched."
    )
    mode: Mode = Field(
        default="balanced", description="How much is searched and read before the answer."
    )
    time_range: RecentTime = None
    include_domains: IncludedDomains = []
    exclude_domains: ExcludedDomains = []
    language: LanguageTag = None
    evidence: EvidenceForm | None = Field(
        default=None, description="What the model is shown of the pages. Unset: as configured."
    )
    verification: Verification | None = Field(
        default=None,
        description="Who checks the statements against the sources. Unset: as configured.",
    )
    strict: bool | None = Field(
        default=None,
        description="Write an answer with unsupported statements anew, once. Unset: as configured.",
    )
    replace_turn: str | None = Field(
        default=None,
        max_length=64,
        description="The id of a turn of the conversation that this question takes the place of, "
        "with those behind it.",
    )
    render: bool = Field(default=False, description="Add `answer_html` events to the stream.")
    resumable: bool = Field(
        default=False,
        description="Number the events of the stream, and go on if the client leaves: "
        "`GET /api/answers/{turn_id}` joins it again, `POST /api/answers/{turn_id}/stop` ends it.",
    )

    def to_request(self) -> AnswerRequest:
        domains = {
            "include_domains": tuple(self.include_domains),
            "exclude_domains": tuple(self.exclude_domains),
        }
        return AnswerRequest(**{**self.model_dump(exclude=_OF_THE_STREAM), **domains})
