"""What answers are made of."""

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adjudge.api.views import encode


class Answer(BaseModel):
    """An answer, as the OpenAPI document has it: it is written straight from stored values.

    So what would check it is built when somebody asks for the document, not at the start of every process.
    """

    model_config = ConfigDict(defer_build=True)


def as_json(value: object, status: int = 200) -> Response:
    """Answer with a value as it is stored."""
    return Response(encode(value), status_code=status, media_type="application/json")
