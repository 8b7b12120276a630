"""The sections `http`, `oip` and `openai` of a decider: a model that is asked over the network."""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from adjudge.config.documents.cursors import Cursor, Fields, Misread, described
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import choice, flag, mapping, money, text
from adjudge.config.sections.secrets import read_name, read_reference, refuse_inline
from adjudge.core.pointers import Pointer, parse_pointer, put_at
from adjudge.core.remote import (
    ChatModel,
    Constant,
    Datatype,
    Distribution,
    Endpoint,
    HttpModel,
    InputTensor,
    Many,
    OipModel,
    OutputTensor,
    RemoteModel,
    Secret,
    Single,
)
from adjudge.outbound import RefusedUrl
from adjudge.outbound.urls import check_form

KINDS: Final = ("http", "oip", "openai")
MOST_DIMENSIONS: Final = 8

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{1,2000}")
_OURS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}
)
_SECRETIVE: Final = re.compile(r"authorization|cookie|key|token|secret|password", re.IGNORECASE)
_NO_RESPONSE: Final = Distribution(at=())


def read_remote(kind: str, at: Cursor, currency: str) -> RemoteModel:
    """Read the section of one of `KINDS`; prices must be in the decider's currency."""
    with at.fields() as fields:
        endpoint = _endpoint(fields)
        match kind:
            case "http":
                return _http(fields, endpoint)
            case "oip":
                return _oip(fields, endpoint)
            case _:
                return _chat(fields, endpoint, currency)


def _endpoint(fields: Fields) -> Endpoint:
    url = fields.need("url", "url: https://models.example.com/score")
    headers: dict[str, str | Secret] = {}
    given = fields.get("headers")
    for name, at in (given.entries() if given is not None else {}).items():
        headers[name] = _header(name, at)
    key = fields.get("key")
    if key is not None:
        reference = read_reference(key, "Bearer ") if isinstance(key.node.value, dict) else None
        headers["Authorization"] = reference or Secret(read_name(key), "Bearer ")
    return Endpoint(url=url.read(_url, "") if url is not None else "", headers=headers)


def _header(name: str, at: Cursor) -> str | Secret:
    if not _HEADER.fullmatch(name):
        at.fault(f"`{name[:80]}` is not the name of a header")
    elif name.lower() in _OURS:
        at.fault(f"`{name}` is ours to set")
    if isinstance(at.node.value, dict):
        return read_reference(at)
    if _SECRETIVE.search(name):
        at.fault(f"no secret is written into configuration: `{name}: {{secret: vision}}` takes ADJUDGE_SECRET_VISION")
    else:
        refuse_inline(name, at)
    return at.read(_header_value, "")


def _http(fields: Fields, endpoint: Endpoint) -> HttpModel:
    many, response = fields.get("many"), fields.need("response", "response: {distribution: /scores}")
    return HttpModel(
        endpoint=endpoint,
        request=_request(fields.get("request")),
        response=_response(response) if response is not None else _NO_RESPONSE,
        many=_many(many) if many is not None else None,
    )


def _request(at: Cursor | None) -> Mapping[Pointer, Pointer | Constant]:
    if at is None:
        return {}
    found: dict[Pointer, Pointer | Constant] = {}
    built: dict[str, Any] = {}
    for name, source in at.entries().items():
        target = _target(name, source)
        if target is None:
            continue
        try:
            put_at(built, target, None)
        except LookupError:
            source.fault(f"`{name}` lies within another field of the request, or is one already")
        found[target] = _source(source)
        if isinstance(found[target], Constant):
            refuse_inline(target[-1], source.entries()["value"] if source.has("value") else source)
    if not found and isinstance(at.node.value, dict):
        at.fault("the request is empty; leave `request` out to send the whole question")
    return found


def _target(name: str, at: Cursor) -> Pointer | None:
    try:
        target = parse_pointer(name)
    except ValueError as error:
        at.fault(str(error))
        return None
    if not target:
        at.fault("the request is a mapping: name a field, such as `/image`")
    return target or None


def _source(at: Cursor) -> Pointer | Constant:
    if not isinstance(at.node.value, dict):
        return at.read(_pointer, ())
    with at.fields() as fields:
        value = fields.need("value", "value: 5")
        return Constant(value.node.plain() if value is not None else None)


def _response(at: Cursor) -> Distribution | Single:
    with at.fields() as fields:
        if fields.given("answer", "confidence"):
            answer, confidence = (
                fields.need("answer", "answer: /label"),
                fields.need("confidence", "confidence: /score"),
            )
            return Single(answer=_pointer_at(answer), confidence=_pointer_at(confidence))
        distribution = fields.need("distribution", "distribution: /scores")
        return Distribution(at=_pointer_at(distribution), labels=fields.read("labels", _labels, ()))


def _many(at: Cursor) -> Many:
    with at.fields() as fields:
        requests = fields.need("requests", "requests: /instances")
        responses = fields.need("responses", "responses: /predictions")
        return Many(requests=_pointer_at(requests), responses=_pointer_at(responses))


def _oip(fields: Fields, endpoint: Endpoint) -> OipModel:
    model, inputs, output = (
        fields.need("model", "model: vision-sku"),
        fields.need("inputs", "inputs: [{name: image, datatype: BYTES, shape: [-1, 1], from: /evidence/image}]"),
        fields.need("output", "output: {name: scores, labels: [yes, no]}"),
    )
    return OipModel(
        endpoint=endpoint,
        model=model.read(_path_part, "") if model is not None else "",
        model_version=fields.read("version", _path_part, ""),
        inputs=_inputs(inputs) if inputs is not None else (),
        output=_output(output) if output is not None else OutputTensor(name="", labels=()),
        is_checked=not fields.read("unchecked", flag, False),
    )


def _inputs(at: Cursor) -> tuple[InputTensor, ...]:
    if isinstance(at.node.value, list) and not at.node.value:
        at.fault("`inputs` names no tensor")
    found: dict[str, InputTensor] = {}
    for each in at.items():
        tensor = _input(each)
        if tensor.name in found:
            each.fault(f"input `{tensor.name}` stands twice in the list")
        found[tensor.name] = tensor
    return tuple(found.values())


def _input(at: Cursor) -> InputTensor:
    with at.fields() as fields:
        name, datatype = fields.need("name", "name: features"), fields.need("datatype", "datatype: FP32")
        shape, source = fields.need("shape", "shape: [-1, 4]"), fields.need("from", "from: /evidence/features")
        return InputTensor(
            name=name.read(_word, "") if name is not None else "",
            datatype=datatype.read(choice(*get_args(Datatype)), "FP32") if datatype is not None else "FP32",
            shape=shape.read(_shape, (-1,)) if shape is not None else (-1,),
            sources=tuple(each.read(_pointer, ()) for each in source.items()) if source is not None else (),
        )


def _output(at: Cursor) -> OutputTensor:
    with at.fields() as fields:
        name, labels = fields.need("name", "name: scores"), fields.need("labels", "labels: [pay, refuse]")
        return OutputTensor(
            name=name.read(_word, "") if name is not None else "",
            labels=labels.read(_labels, ()) if labels is not None else (),
            scores=fields.read("scores", choice("probabilities", "logits"), "probabilities"),
        )


def _chat(fields: Fields, endpoint: Endpoint, currency: str) -> ChatModel:
    model = fields.need("model", "model: gpt-4o-mini")
    if (settings := fields.get("settings")) is not None:
        refuse_inline("", settings)
    prices, shown, images = fields.get("prices"), fields.get("show"), fields.get("images")
    read, written = _prices(prices, currency) if prices is not None else (0, 0)
    return ChatModel(
        endpoint=endpoint,
        model=model.read(_word, "") if model is not None else "",
        instructions=fields.read("instructions", text, ""),
        shown=tuple(each.read(_pointer, ()) for each in shown.items()) if shown is not None else (("evidence",),),
        images=tuple(each.read(_pointer, ()) for each in images.items()) if images is not None else (),
        settings=fields.read("settings", _chat_settings, {}),
        input_micros=read,
        output_micros=written,
    )


def _prices(at: Cursor, currency: str) -> tuple[int, int]:
    with at.fields() as fields:
        found = []
        for key in ("input", "output"):
            micros, priced_in = fields.read(key, money(), (0, currency))
            if priced_in != currency:
                at.fault(f"`{key}` is in {priced_in}, the decider's `cost` in {currency}: give both in one currency")
            found.append(micros)
        return found[0], found[1]


def _pointer_at(at: Cursor | None) -> Pointer:
    return at.read(_pointer, ()) if at is not None else ()


def _pointer(node: Node) -> Pointer:
    try:
        return parse_pointer(text(node))
    except ValueError as error:
        raise Misread(str(error)) from None


def _url(node: Node) -> str:
    try:
        check_form(text(node))
    except RefusedUrl as refused:
        raise Misread(refused.detail) from None
    return node.text


def _header_value(node: Node) -> str:
    if _VALUE.fullmatch(text(node)):
        return node.text
    raise Misread("a header's value is printable ASCII")


def _word(node: Node) -> str:
    if not 0 < len(text(node)) <= 200 or not node.text.isprintable():
        raise Misread(f"{described(node)} is not a name of 1 to 200 printable characters")
    return node.text


def _path_part(node: Node) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", node.text):  # a version may be a bare number
        return node.text
    raise Misread(f"{described(node)} is not a name of letters, digits, `.`, `_` and `-`")


def _shape(node: Node) -> tuple[int, ...]:
    shape = node.plain()
    if (
        isinstance(shape, list)
        and 0 < len(shape) <= MOST_DIMENSIONS
        and all(isinstance(each, int) and not isinstance(each, bool) and (each == -1 or each > 0) for each in shape)
    ):
        if shape[1:].count(-1) > 1:
            raise Misread("one length may be left open beside the first: what is sent decides it")
        return tuple(shape)
    raise Misread(f"a shape is a list of 1 to {MOST_DIMENSIONS} lengths, -1 where any will do, such as [-1, 4]")


def _labels(node: Node) -> tuple[str, ...]:
    """Read answers, written as they are: `true` and `3` are answers too."""
    if not isinstance(node.value, list) or not node.value:
        raise Misread(f"a list of answers is wanted here, not {described(node)}")
    plain = [item.text if not isinstance(item.value, dict | list | None) else "" for item in node.value]
    if "" in plain or len(set(plain)) != len(plain):
        raise Misread("each answer stands in the list once")
    return tuple(plain)


def _chat_settings(node: Node) -> dict[str, Any]:
    found = mapping(node)
    ours = {"model", "messages", "response_format", "stream", "n"} & found.keys()
    if ours:
        raise Misread(f"`{min(ours)}` is ours to set")
    return found
