"""Evidence as tensors and tensors as scores, in the JSON of the Open Inference Protocol: row-major, flat."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adjudge.core.remote import Datatype, InputTensor, OutputTensor
from adjudge.deciders.explaining import clipped, shown
from adjudge.deciders.functions import Garbled
from adjudge.deciders.remote.documents import Lacking, taken

MOST_ELEMENTS: Final = 4_000_000
"""Of one question: beyond it JSON is the wrong way to send them."""

_WHOLE: Final[Mapping[str, tuple[int, int]]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
SCORES: Final = ("FP16", "FP32", "FP64", "BF16")
"""Datatypes of an output that holds scores."""


class Row:
    """What one question gives to one input."""

    def __init__(self, tensor: InputTensor, document: Mapping[str, Any]) -> None:
        """Raises Lacking."""
        values = [taken(document, source) for source in tensor.sources]
        self.elements = _flat(values if len(values) > 1 else values[0], tensor)
        has_rows = tensor.shape[0] == -1
        self.shape = (*((1,) if has_rows else ()), *_lengths(tensor, tensor.shape[has_rows:], len(self.elements)))


def input_of(tensor: InputTensor, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the input of a request; several rows are stacked along the first dimension."""
    shape = rows[0].shape if len(rows) == 1 else (len(rows), *rows[0].shape[1:])
    data = [element for row in rows for element in row.elements]
    return {"name": tensor.name, "shape": shape, "datatype": tensor.datatype, "data": data}


def distributions(tensor: OutputTensor, response: Any, count: int) -> list[list[tuple[str, float]]]:
    """Return for each question its labels with their probabilities. Raises Garbled."""
    output = _named(response, tensor.name)
    datatype, width = output.get("datatype"), len(tensor.labels)
    if datatype not in SCORES:
        kinds = ", ".join(SCORES)
        raise Garbled(
            f"output `{tensor.name}` is {shown(datatype)}, not one of {kinds}",
            recorded=f"output `{tensor.name}` is not one of {kinds}",
        )
    scores = _numbers(output.get("data"), tensor.name)
    if len(scores) != count * width or not _has_rows(output.get("shape"), count, width):
        raise Garbled(
            f"output `{tensor.name}` has {len(scores)} scores of shape {shown(output.get('shape'))}, "
            f"not {count} × {width} labels",
            recorded=f"output `{tensor.name}` has {len(scores)} scores, not in rows of {width}",
        )
    rows = (scores[start : start + width] for start in range(0, len(scores), width))
    return [list(zip(tensor.labels, _softmax(row) if tensor.scores == "logits" else row, strict=True)) for row in rows]


def _has_rows(shape: Any, count: int, width: int) -> bool:
    """Return whether a row for each question comes after the other: turned, each would get scores of the others."""
    if not isinstance(shape, list) or not all(type(each) is int and each > 0 for each in shape):
        return False
    *rows, last = shape or [0]
    return last == width and math.prod(rows) == count


def _flat(value: Any, tensor: InputTensor) -> list[Any]:
    elements: list[Any] = []
    waiting = [iter((value,))]
    while waiting:
        for each in waiting[-1]:
            if isinstance(each, list | tuple):
                waiting.append(iter(each))
                break
            elements.append(_element(each, tensor))
        else:
            waiting.pop()
        if len(elements) > MOST_ELEMENTS:
            told = f"input `{tensor.name}`: more than {MOST_ELEMENTS} elements"
            raise Lacking(told, recorded=told)
    return elements


def _element(value: Any, tensor: InputTensor) -> Any:
    if not _fits(value, tensor.datatype):
        raise Lacking(
            clipped(f"input `{tensor.name}`: {shown(value)} is not {tensor.datatype}"),
            recorded=f"input `{tensor.name}`: an element is not {tensor.datatype}",
        )
    return value


def _fits(value: Any, datatype: Datatype) -> bool:
    if datatype == "BOOL":
        return isinstance(value, bool)
    if datatype == "BYTES":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if datatype not in _WHOLE:
        return math.isfinite(value)
    low, high = _WHOLE[datatype]
    return isinstance(value, int) and low <= value <= high


def _lengths(tensor: InputTensor, shape: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the shape with its one free length worked out."""
    fixed = math.prod(each for each in shape if each != -1)
    free = count // fixed
    if fixed * (free if -1 in shape else 1) != count or count == 0:
        told = f"input `{tensor.name}`: {count} elements do not fill {list(shape)}"
        raise Lacking(told, recorded=told)
    return tuple(free if each == -1 else each for each in shape)


def _named(response: Any, name: str) -> Mapping[str, Any]:
    outputs = response.get("outputs") if isinstance(response, dict) else None
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and output.get("name") == name:
            return output
    told = f"the response has no output `{name}`"
    raise Garbled(f"{told}: {shown(response)}", recorded=told)


def _numbers(data: Any, name: str) -> list[float]:
    """Read numbers, flat or nested: the protocol allows both. Raises Garbled."""
    numbers: list[float] = []
    waiting = [iter(data if isinstance(data, list) else (data,))]
    while waiting:
        for each in waiting[-1]:
            if isinstance(each, list):
                waiting.append(iter(each))
                break
            numbers.append(_number(each, name))
        else:
            waiting.pop()
    return numbers


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Garbled(f"output `{name}`: {shown(value)} is not a number", recorded=f"output `{name}`: not a number")
    try:
        return float(value)
    except OverflowError:
        told = f"output `{name}`: {shown(value)} is beyond any score"
        raise Garbled(told, recorded=f"output `{name}`: beyond any score") from None


def _softmax(logits: Sequence[float]) -> list[float]:
    greatest = max(logits)
    weights = [math.exp(each - greatest) for each in logits]
    total = math.fsum(weights)
    return [each / total for each in weights]
