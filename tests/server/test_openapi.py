"""The OpenAPI document is valid, and the server keeps to it, whatever it is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.server.conftest import Serve

PHASES = os.environ.get("AFFEKT_SCHEMA_PHASES", "fuzzing")
EXAMPLES = int(os.environ.get("AFFEKT_SCHEMA_EXAMPLES", "2"))  # of each route


def test_the_document_is_valid_and_names_every_route(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert set(document["paths"]) == {
        "/v1/predictions",
        "/v1/predictions:batch",
        "/v1/voices",
        "/v1/timelines",
        "/v1/explanations",
        "/v1/jobs/{name}",
        "/v1/jobs/{name}/result",
        "/v1/models",
        "/v1/models/{name}/card",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        "/v2/models/{name}/infer",
    }


def test_what_is_generated_from_the_document_finds_no_failure(serve: Serve, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    with serve() as served:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json"),
                *("--max-examples", str(EXAMPLES), "--phases", PHASES),
                *("--seed", "1", "--no-color", "--generation-database", "none"),
                # that a text is a recording is nothing that a schema can say
                *("--exclude-checks", "positive_data_acceptance"),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "no_proxy": "127.0.0.1"},
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
