"""Models that are asked over the network: where they are, and how a question becomes their request.

A question is seen as one document: `id`, `type`, `location`, `evidence`, `candidates`, `attributes`,
`stake`, `subject`. JSON pointers take from it what a model is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, TypeAlias

from adjudge.core.pointers import Pointer

Datatype: TypeAlias = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]


SECRET_PREFIX: Final = "ADJUDGE_SECRET_"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that stands in no document: the process knows it by this name."""

    name: str
    before: str = ""
    """Stands before it in a header: `Bearer `."""
    is_file: bool = False
    """Whether it is a file in the folder of secrets, not a variable."""

    @property
    def variable(self) -> str:
        """The environment's name for it: `ADJUDGE_SECRET_VISION`. No other variable can be sent anywhere."""
        return SECRET_PREFIX + self.name.upper().replace("-", "_")

    @property
    def place(self) -> str:
        """Where it is looked for, in words."""
        return f"the file `{self.name}` of the folder of secrets" if self.is_file else self.variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests go."""

    url: str
    headers: Mapping[str, str | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Constant:
    """Sent as it stands, whatever the question."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """How several questions share a request."""

    requests: Pointer
    """Where in the request the list of what each question sends stands."""
    responses: Pointer
    """Where in the response the list of what answers each stands, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The response has a probability for each answer."""

    at: Pointer
    labels: tuple[str, ...] = ()
    """The order of the answers, where probabilities come as a bare list; empty: answers are named beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """The response has one answer and how sure the model is of it; null: it abstains."""

    answer: Pointer
    confidence: Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpModel:
    """JSON over HTTP, mapped field by field."""

    endpoint: Endpoint
    request: Mapping[Pointer, Pointer | Constant]
    """What goes where; empty: the whole document of the question is sent."""
    response: Distribution | Single
    many: Many | None = None

    @property
    def takes_many(self) -> bool:
        return self.many is not None

    @property
    def labels(self) -> tuple[str, ...]:
        """The answers that configuration names; empty: the model names them itself."""
        return self.response.labels if isinstance(self.response, Distribution) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTensor:
    """An input of a model."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    """-1 first: one row a question; -1 elsewhere: any length."""
    sources: tuple[Pointer, ...]
    """One: the value itself, of any nesting; several: their values, side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTensor:
    """The output that holds the distribution."""

    name: str
    labels: tuple[str, ...]
    """In the order of its last dimension."""
    scores: Literal["probabilities", "logits"] = "probabilities"


@dataclass(frozen=True, slots=True, kw_only=True)
class OipModel:
    """A model behind the Open Inference Protocol (KServe v2)."""

    endpoint: Endpoint
    """The server; the protocol's paths are added."""
    model: str
    model_version: str = ""
    """Empty: whichever the server serves."""
    inputs: tuple[InputTensor, ...]
    output: OutputTensor
    is_checked: bool = True
    """Whether inputs and output are compared with the server's metadata before the first question."""

    @property
    def takes_many(self) -> bool:
        """Return whether every input has a row for each question, and all rows have one shape."""
        return all(each.shape[0] == -1 and -1 not in each.shape[1:] for each in self.inputs)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.output.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModel:
    """An OpenAI-style chat endpoint, whose answers are held to a JSON Schema."""

    endpoint: Endpoint
    """The base, such as `https://api.openai.com/v1`."""
    model: str
    instructions: str = ""
    shown: tuple[Pointer, ...] = (("evidence",),)
    """What of the question the model is shown."""
    images: tuple[Pointer, ...] = ()
    """Where the addresses of images stand that it is shown."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request: `temperature`, `seed`."""
    input_micros: int = 0
    """For a million tokens read, in the decider's currency."""
    output_micros: int = 0
    """For a million tokens written."""
    takes_many: ClassVar[bool] = False
    labels: ClassVar[tuple[str, ...]] = ()


RemoteModel: TypeAlias = HttpModel | OipModel | ChatModel


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second request for a call that is slow; the first answer counts, both are paid."""

    after_seconds: float
    share: float = 0.1
    """Of all calls, at most; a server that is slow with everything is not asked twice for everything."""
