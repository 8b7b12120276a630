"""Whether the model that a server has is the one that configuration describes."""

from collections.abc import Mapping, Sequence
from typing import Any

from adjudge.core.remote import InputTensor, OipModel, OutputTensor
from adjudge.deciders.explaining import shown
from adjudge.deciders.remote.tensors import SCORES


def mismatch(model: OipModel, metadata: Any, *, batch: int) -> str:
    """Return what does not fit, for people; empty where all does. `batch`: questions in a request, at most."""
    inputs, outputs = _tensors(metadata, "inputs"), _tensors(metadata, "outputs")
    faults = [_input_fault(tensor, inputs, batch) for tensor in model.inputs]
    unfed = inputs.keys() - {tensor.name for tensor in model.inputs}
    faults += [f"nothing feeds its input `{name}`" for name in sorted(unfed)]
    faults.append(_output_fault(model.output, outputs))
    return "; ".join(fault for fault in faults if fault)


def _input_fault(tensor: InputTensor, inputs: Mapping[str, Mapping[str, Any]], batch: int) -> str:
    there = inputs.get(tensor.name)
    if there is None:
        return f"it has no input `{tensor.name}`, but {_names(inputs)}"
    if there.get("datatype") != tensor.datatype:
        return f"input `{tensor.name}` is {shown(there.get('datatype'))} there, {tensor.datatype} here"
    if not _is_same_shape(there.get("shape"), tensor.shape):
        return f"input `{tensor.name}` is {shown(there.get('shape'))} there, {list(tensor.shape)} here"
    rows = there["shape"][0]
    if tensor.shape[0] == -1 != rows and not rows == batch == 1:
        return f"input `{tensor.name}` is {shown(there['shape'])} there, always as many rows; `batch` is {batch} here"
    return ""


def _output_fault(tensor: OutputTensor, outputs: Mapping[str, Mapping[str, Any]]) -> str:
    there = outputs.get(tensor.name)
    if there is None:
        return f"it has no output `{tensor.name}`, but {_names(outputs)}"
    if there.get("datatype") not in SCORES:
        return f"output `{tensor.name}` is {shown(there.get('datatype'))} there, not one of {', '.join(SCORES)}"
    shape = there.get("shape")
    if not isinstance(shape, list) or not shape or shape[-1] not in (-1, len(tensor.labels)):
        return f"output `{tensor.name}` is {shown(shape)} there, for {len(tensor.labels)} labels here"
    return ""


def _is_same_shape(there: Any, here: Sequence[int]) -> bool:
    """Compare; -1 on either side is any length."""
    return (
        isinstance(there, list)
        and len(there) == len(here)
        and all(-1 in (theirs, ours) or theirs == ours for theirs, ours in zip(there, here, strict=True))
    )


def _tensors(metadata: Any, key: str) -> dict[str, Mapping[str, Any]]:
    found = metadata.get(key) if isinstance(metadata, dict) else None
    listed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return {str(each.get("name")): each for each in listed}


def _names(tensors: Mapping[str, object]) -> str:
    return (
        ", ".join(f"`{name}`" for name in tensors) or "names none in its metadata (`unchecked: true` asks all the same)"
    )
