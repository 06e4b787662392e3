"""The Open Inference Protocol v2, for clients of KServe and Triton.

A model takes the tensor ``samples`` (FP32 or FP64, one recording of one channel, from -1 to 1) with
``sample_rate`` (one integer), or ``recording`` (BYTES, the content of an audio file; in JSON as base64). It
returns ``probabilities`` (FP32) and ``emotion`` (BYTES).

Source: https://github.com/kserve/open-inference-protocol, and its extension for binary tensors,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray

from affekt.server.messages import Options
from affekt.server.models import find_model
from affekt.server.problems import Problem
from affekt.server.schemas import ALWAYS, WITH_UPLOAD, StatusDocument, problems
from affekt.server.service import allowed, service_of, unless_gone
from affekt.server.uploads import read_body
from affekt.support.plain_values import parse_json

HEADER_LENGTH = "Inference-Header-Content-Length"
_DTYPES = {"FP32": "<f4", "FP64": "<f8", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"}
_INPUTS = [
    {"name": "samples", "datatype": "FP32", "shape": [1, -1]},
    {"name": "sample_rate", "datatype": "INT32", "shape": [1]},
    {"name": "recording", "datatype": "BYTES", "shape": [1]},
]
_TENSOR: dict[str, Any] = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string", "enum": [*_DTYPES, "BYTES"]},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "parameters": {"type": "object"},
                        "inputs": {"type": "array", "items": _TENSOR, "minItems": 1},
                        "outputs": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}}
}

health = APIRouter(prefix="/v2", tags=["open inference protocol"])
router = APIRouter(
    prefix="/v2", tags=["open inference protocol"], dependencies=[Depends(allowed("predict"))]
)


@health.get("/health/live", response_model=StatusDocument, summary="Whether the server runs")
async def is_live() -> JSONResponse:
    """Answer as long as the server runs."""
    return JSONResponse({"status": "running"})


@health.get(
    "/health/ready",
    response_model=StatusDocument,
    responses=problems("not-ready"),
    summary="Whether the server takes work",
)
async def is_ready(request: Request) -> JSONResponse:
    """Answer 503 as long as no worker has loaded the model."""
    if not service_of(request).ready:
        raise Problem("not-ready", headers={"Retry-After": "2"})
    return JSONResponse({"status": "ready"})


@router.get("", responses=_DOCUMENT | problems(*ALWAYS), summary="Name the server")
async def show_server() -> JSONResponse:
    """Return name, version and extensions."""
    return JSONResponse(
        {"name": "affekt", "version": version("affekt"), "extensions": ["binary_tensor_data"]}
    )


@router.get(
    "/models/{name}/ready",
    response_model=StatusDocument,
    responses=problems(*ALWAYS, "not-found", "not-ready"),
    summary="Whether a model takes work",
)
async def is_model_ready(request: Request, name: str) -> JSONResponse:
    """Answer 503 as long as no worker has loaded it."""
    find_model(service_of(request), name)
    return await is_ready(request)


@router.get(
    "/models/{name}", responses=_DOCUMENT | problems(*ALWAYS, "not-found"), summary="Describe a model"
)
async def show_model(request: Request, name: str) -> JSONResponse:
    """Return its inputs and outputs."""
    facts = find_model(service_of(request), name)
    outputs = [
        {"name": "probabilities", "datatype": "FP32", "shape": [1, len(facts.contract.emotions)]},
        {"name": "emotion", "datatype": "BYTES", "shape": [1]},
    ]
    document = {"name": name, "versions": ["1"], "platform": "onnx_affekt"}
    labels = {"emotions": list(facts.contract.emotions)}
    return JSONResponse({**document, "inputs": _INPUTS, "outputs": outputs, "parameters": labels})


@router.post(
    "/models/{name}/infer",
    responses=_DOCUMENT | problems(*WITH_UPLOAD, "not-found"),
    openapi_extra=_BODY,
    response_class=Response,
    summary="Predict one recording",
)
async def infer(request: Request, name: str) -> Response:
    """Send `samples` and `sample_rate`, or `recording`; tensors may also follow the JSON in binary."""
    service = service_of(request)
    settings = service.settings
    find_model(service, name)
    service.work.check()
    with service.held.account() as account:
        body = await read_body(request, account, settings.max_bytes, settings.upload_s)
        asked = parse_request(body, request.headers.get(HEADER_LENGTH))
        with service.work.take():
            if asked.recording is not None:
                options = Options(max_seconds=settings.max_seconds)
                work = service.pool.run("predict", "", asked.recording, options, limit_s=settings.work_s)
            else:
                if len(asked.samples) > settings.max_seconds * asked.sample_rate:
                    raise Problem(
                        "unusable-audio", f"the recording is longer than {settings.max_seconds:g} s"
                    )
                work = service.pool.run(
                    "predict_samples", asked.samples, asked.sample_rate, limit_s=settings.work_s
                )
            found = await unless_gone(request, work)
    service.metrics.audio_seconds.inc(found["duration_s"])
    return write_answer(asked, name, found)


@dataclass(frozen=True)
class Asked:
    """A request: a recording as the content of a file, or as samples, and which outputs are wanted how."""

    request_id: str
    recording: bytes | None
    samples: NDArray[np.float32]
    sample_rate: int
    outputs: Mapping[str, bool]  # and whether each is wanted in binary


def parse_request(body: bytes, header_length: str | None) -> Asked:
    """Read a request of the protocol.

    Raises
    ------
    Problem
        It is none, or has other tensors.
    """
    try:
        length = len(body) if header_length is None else int(header_length)
        document = parse_json(body[:length])
        rest = memoryview(body)[max(0, length) :]
        tensors = {}
        for one in document["inputs"]:
            size = (one.get("parameters") or {}).get("binary_data_size")
            if size is not None:
                if not (isinstance(size, int) and 0 <= size <= len(rest)):
                    raise ValueError("binary_data_size does not fit the body")
                tensors[one["name"]] = _binary(one, bytes(rest[:size]))
                rest = rest[size:]
            else:
                tensors[one["name"]] = _from_json(one)
        return _asked(document, tensors)
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, OverflowError) as error:
        detail = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise Problem(
            "bad-request", f"the request is none of the Open Inference Protocol: {detail}"
        ) from error


def _asked(document: Mapping[str, Any], tensors: Mapping[str, Any]) -> Asked:
    recording, samples = tensors.get("recording"), tensors.get("samples")
    if (recording is None) == (samples is None) or len(tensors) != (1 if samples is None else 2):
        raise ValueError("give the inputs samples and sample_rate, or recording alone")
    if recording is not None and not isinstance(recording, bytes):
        raise ValueError("recording is not of the type BYTES")
    rate = 0
    if samples is not None:
        rates = tensors["sample_rate"]
        if isinstance(samples, bytes) or isinstance(rates, bytes) or rates.size != 1:
            raise ValueError("samples are FP32, and sample_rate is one INT32")
        if samples.dtype.kind != "f":
            raise ValueError("samples are FP32 or FP64, from -1 to 1: divide those of 16 bits by 32768")
        rate = int(rates.ravel()[0])
        if rate <= 0:
            raise ValueError(f"sample_rate is {rate}")
    binary = bool((document.get("parameters") or {}).get("binary_data_output", False))
    outputs = {
        one["name"]: bool((one.get("parameters") or {}).get("binary_data", binary))
        for one in document.get("outputs") or ()
    }
    known = ("probabilities", "emotion")
    for name in outputs:
        if name not in known:
            raise ValueError(f"there is no output {str(name)[:100]!r}, but {' and '.join(known)}")
    return Asked(
        request_id=str(document.get("id", ""))[:100],
        recording=recording,
        samples=np.zeros(0, np.float32) if samples is None else np.asarray(samples, np.float32).ravel(),
        sample_rate=rate,
        outputs=outputs or dict.fromkeys(known, binary),
    )


def _binary(tensor: Mapping[str, Any], content: bytes) -> NDArray[Any] | bytes:
    """Read a tensor that follows the JSON; of BYTES, one element behind its length."""
    if tensor["datatype"] == "BYTES":
        (length,) = struct.unpack_from("<I", content)
        if length + 4 != len(content):
            raise ValueError("recording is not one element")
        return content[4:]
    return _shaped(np.frombuffer(content, _dtype(tensor)), tensor)


def _from_json(tensor: Mapping[str, Any]) -> NDArray[Any] | bytes:
    data = tensor["data"]
    if tensor["datatype"] == "BYTES":
        text = data[0] if isinstance(data, list) and len(data) == 1 else None
        if not isinstance(text, str):
            raise ValueError("recording is not one text")
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"recording is not base64: {error}") from error
    return _shaped(np.asarray(data, _dtype(tensor)), tensor)


def _dtype(tensor: Mapping[str, Any]) -> np.dtype[Any]:
    if tensor["datatype"] not in _DTYPES:
        raise ValueError(f"the datatype of {tensor['name']!r} is none of {', '.join(_DTYPES)}")
    return np.dtype(_DTYPES[tensor["datatype"]])


def _shaped(array: NDArray[Any], tensor: Mapping[str, Any]) -> NDArray[Any]:
    shape = tensor["shape"]
    if not (isinstance(shape, list) and all(isinstance(size, int) and size >= 0 for size in shape)):
        raise ValueError(f"the shape of {tensor['name']!r} is no list of sizes")
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1):
        raise ValueError(f"{tensor['name']!r} has the shape {shape}: send one recording of one channel")
    return array.reshape(shape)


def write_answer(asked: Asked, name: str, found: Mapping[str, Any]) -> Response:
    """Return the answer of the protocol, with binary tensors behind the JSON where they are wanted."""
    shares = np.array(list(found["probabilities"].values()), "<f4")
    word = found["emotion"].encode()
    values: dict[str, tuple[str, list[int], list[Any], bytes]] = {
        "probabilities": ("FP32", [1, len(shares)], shares.tolist(), shares.tobytes()),
        "emotion": ("BYTES", [1], [found["emotion"]], struct.pack("<I", len(word)) + word),
    }
    outputs, tail = [], b""
    for output, binary in asked.outputs.items():
        kind, shape, data, content = values[output]
        one: dict[str, Any] = {"name": output, "datatype": kind, "shape": shape}
        if binary:
            one["parameters"] = {"binary_data_size": len(content)}
            tail += content
        else:
            one["data"] = data
        outputs.append(one)
    document = {"model_name": name, "model_version": "1", "outputs": outputs}
    if asked.request_id:
        document["id"] = asked.request_id
    if not tail:
        return JSONResponse(document)
    head = json.dumps(document).encode()
    return Response(
        head + tail, media_type="application/octet-stream", headers={HEADER_LENGTH: str(len(head))}
    )
