"""What is in ``deploy/`` can be read, names options and metrics that there are, and is locked down."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from affekt.cli.command_line import affekt
from affekt.server.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
GUIDE = DEPLOY.parent / "docs" / "server.md"
USER = "10001"


def read_yaml(name: str) -> list[Any]:
    yaml = pytest.importorskip("yaml")
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


def options() -> set[str]:
    return {option for one in affekt.commands["serve"].params for option in one.opts + one.secondary_opts}


def test_every_option_that_is_given_exists() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DEPLOY.iterdir() if path.is_file())
    commands = re.findall(r"affekt[\", ]+serve[^\n]*|(?:args|command|CMD):? *\[[^\n]*keys-file[^\n]*", text)
    given = {word for one in commands for word in re.findall(r"--[a-z-]+", one)}
    assert given == {"--host", "--keys-file", "--workers"}
    assert given <= options()


def test_the_image_is_not_root_and_leaves_the_build_behind() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert f"\nUSER {USER}:{USER}\n" in last
    assert last.index("RUN groupadd") < last.index("\nUSER ") < last.index("\nENTRYPOINT ")
    assert "HEALTHCHECK" in last
    assert "/readyz" in last
    assert "pip" not in last
    assert not re.search(r"^FROM [^:\s]+(:latest)?( |$)", text, re.MULTILINE)


def test_services_are_locked_down_and_bound_to_this_machine() -> None:
    (compose,) = read_yaml("compose.yaml")
    server = compose["services"]["affekt"]
    assert server["read_only"]
    assert server["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in server["security_opt"]
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for volume in service.get("volumes", ()):
            place = volume.split(":")[0]
            if place.startswith("./") and place not in ("./keys", "./metrics-key"):  # made by its user
                assert (DEPLOY / place).is_file()
    assert float(server["stop_grace_period"].rstrip("s")) > Settings().drain_s


def test_pods_have_probes_and_time_to_drain() -> None:
    deployment, service, budget = read_yaml("kubernetes.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == budget["spec"]["selector"]["matchLabels"] == labels
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["ports"][0]["containerPort"] == Settings().port
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsUser"] == int(USER)
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > pause + Settings().drain_s
    assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_the_unit_can_be_read_and_has_time_to_drain() -> None:
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((DEPLOY / "affekt.service").read_text("utf-8"))
    service = unit["Service"]
    assert shlex.split(service["ExecStart"])[1] == "serve"
    assert "-HUP" in service["ExecReload"]
    assert service["KillMode"] == "mixed"  # workers do not end before the server
    assert int(service["TimeoutStopSec"]) > Settings().drain_s
    assert service["DynamicUser"] == "yes"


def test_every_metric_in_dashboard_and_guide_exists(client: httpx.Client, clip: bytes) -> None:
    client.post("/v1/predictions", files={"file": ("a.flac", clip)})
    client.get("/nothing")
    metrics = client.get("/metrics").text
    dashboard = json.loads((DEPLOY / "dashboard.json").read_text("utf-8"))
    queries = "\n".join(one["expr"] for panel in dashboard["panels"] for one in panel["targets"])
    shown = set(re.findall(r"\b(?:affekt|process)_\w+", queries))
    documented = set(re.findall(r"`(affekt_\w+)", GUIDE.read_text("utf-8")))
    assert len(shown) > 8
    for name in shown | documented:
        # a histogram has a _bucket, _sum and _count
        assert re.search(rf"^{name}(?:_bucket)?[ {{]", metrics, re.MULTILINE), name
    assert 'route="/v1/predictions"' in metrics
    assert 'route="unknown"' in metrics
