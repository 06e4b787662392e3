"""Pages for people: the documentation of all routes, the types of errors, and a stream from a microphone.

Each file is of this server, and the content security policy allows nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from affekt.emotions import emotion_style
from affekt.model.intended_use import SHORT
from affekt.server.problems import KINDS, MEDIA_TYPE, Problem
from affekt.server.service import service_of

FILES = {"style.css": "text/css", "live.js": "text/javascript", "samples.js": "text/javascript"}
_FOLDER = Path(__file__).with_name("pages")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Permissions-Policy": "microphone=(self), camera=()"}

_KEY = '<label>Key<br><input id="key" type="password" autocomplete="off"></label>'

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_start() -> RedirectResponse:
    """Lead to the documentation."""
    return RedirectResponse("/docs")


@router.get("/docs")
async def show_documentation(request: Request) -> Response:
    """Show all routes."""
    document = request.app.openapi()
    return _page("affekt: routes", "".join(_documentation(document)))


@router.get("/docs/errors")
async def show_errors() -> Response:
    """Show all types of problems."""
    parts = [
        "<h1>Types of errors</h1><p>An error is answered as problem details (RFC 9457). Its "
        "<code>type</code> is one of these.</p>"
    ]
    for name, kind in KINDS.items():
        parts.append(
            f'<h2 id="{name}">{name} <small>{kind.status}</small></h2>'
            f"<p>{escape(kind.title)}. {_code(kind.advice)}</p>"
        )
    return _page("affekt: types of errors", "".join(parts))


@router.get("/live")
async def show_live(request: Request) -> Response:
    """Show a page with a microphone."""
    service = service_of(request)
    settings = service.settings
    colours = {name: emotion_style(name).colour for name in service.pool.facts.contract.emotions}
    body = Template((_FOLDER / "live.html").read_text(encoding="utf-8")).substitute(
        notice=escape(settings.notice or SHORT),
        key=_KEY if settings.needs_keys else "",
        colours=escape(json.dumps(colours)),
    )
    return _page("affekt: live", body, script="live.js")


@router.get("/pages/{name}")
async def show_file(name: str) -> Response:
    """Return a file of the pages."""
    if name not in FILES:
        raise Problem("not-found")
    return Response((_FOLDER / name).read_bytes(), media_type=FILES[name])


def _page(title: str, body: str, script: str = "") -> Response:
    page = Template((_FOLDER / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        body=body,
        script=f'<script type="module" src="/pages/{script}"></script>' if script else "",
    )
    return HTMLResponse(page, headers=_HEADERS)


def _documentation(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of the page about an OpenAPI document."""
    info = document["info"]
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    for paragraph in info["description"].split("\n\n"):
        yield f"<p>{_code(paragraph)}</p>"
    yield (
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>. Try it with a microphone: '
        '<a href="/live">/live</a>.</p>'
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(method.upper(), path, operation)
    yield "<h1>Documents</h1>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{_code(schema.get("description", ""))}</p>'
        yield _table(
            ("member", "type", "meaning"),
            (
                (f"<code>{escape(key)}</code>", _type_of(one), _code(one.get("description", "")))
                for key, one in schema.get("properties", {}).items()
            ),
        )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method} {escape(path)}</code></h2>"
    yield f"<p><strong>{escape(operation.get('summary', ''))}.</strong> "
    yield f"{_code(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield _table(
            ("parameter", "type", "meaning"),
            (
                (
                    f"<code>{escape(one['name'])}</code>",
                    _type_of(one["schema"]),
                    _code(one["schema"].get("description", one.get("description", ""))),
                )
                for one in parameters
            ),
        )
    if body := operation.get("requestBody"):
        kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
        yield f"<p>Body: {kinds}</p>"
    yield _table(
        ("status", "answer"),
        ((escape(status), _answer(answer)) for status, answer in sorted(operation["responses"].items())),
    )


def _answer(answer: Mapping[str, Any]) -> str:
    contents, about = answer.get("content", {}), answer["description"]
    if MEDIA_TYPE in contents:
        return ", ".join(f'<a href="/docs/errors#{name}">{name}</a>' for name in about.split("; "))
    shown = "" if about == "Successful Response" else _code(about)  # what FastAPI says of all
    kinds = (
        f"<code>{escape(kind)}</code> {_type_of(one.get('schema', {}))}" for kind, one in contents.items()
    )
    return "<br>".join(filter(None, (shown, ", ".join(kinds))))


def _type_of(schema: Mapping[str, Any]) -> str:
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if choices := schema.get("enum"):
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in choices)
    if several := schema.get("anyOf"):
        return " or ".join(_type_of(one) for one in several)
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    default = (
        f", by default <code>{escape(json.dumps(schema['default']))}</code>" if "default" in schema else ""
    )
    return escape(str(schema.get("type", ""))) + default


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><tr>{top}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _code(text: str) -> str:
    """Return a text in HTML, with what is between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
