"""What bodies and answers are made of."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A body or an answer. What checks it is built when it is first used, not at the start of every process."""

    model_config = ConfigDict(defer_build=True)
