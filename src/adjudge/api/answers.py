"""What answers are made of."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An answer, as the OpenAPI document has it: it is written straight from stored values.

    So what would check it is built when somebody asks for the document, not at the start of every process.
    """

    model_config = ConfigDict(defer_build=True)
