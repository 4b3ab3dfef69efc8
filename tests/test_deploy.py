"""The manifests for Kubernetes: against its schemas, against each other, and against docsluice.

There is no cluster here: nothing of them is applied.
"""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml
from apache_beam.options.pipeline_options import FlinkRunnerOptions, PortableOptions

from pipelines import __version__
from pipelines.cli import app
from pipelines.runner_options import WORKER_IMAGE, FlinkOptions
from pipelines.settings import load
from tests.conftest import SEEDS

DIRECTORY = SEEDS.parent / "config" / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text())
MANIFESTS = [
    manifest
    for name in KUSTOMIZATION["resources"]
    for manifest in yaml.safe_load_all((DIRECTORY / name).read_text())
]
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
OWN_IMAGES = {"docsluice", "docsluice-worker"}

Manifest = dict[str, Any]


def called(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def of_kind(*kinds: str) -> list[Manifest]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] in kinds]


def pod(manifest: Manifest) -> Manifest:
    """The template of the pods of a Deployment or CronJob."""
    spec = manifest["spec"]
    return (spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec)["template"]


WORKLOADS = of_kind("Deployment", "CronJob")
CONTAINERS = [
    (workload, one) for workload in WORKLOADS for one in pod(workload)["spec"]["containers"]
]
DRIVERS = [(workload, one) for workload, one in CONTAINERS if one["image"] == "docsluice"]

workloads = pytest.mark.parametrize("workload", WORKLOADS, ids=called)
drivers = pytest.mark.parametrize(
    "container", [one for _, one in DRIVERS], ids=[called(workload) for workload, _ in DRIVERS]
)


def container_of(image: str) -> Manifest:
    """The containers of an image, which differ in their arguments alone."""
    found = [one for _, one in CONTAINERS if one["image"].startswith(image)]
    assert found
    return found[0]


def test_every_file_is_applied() -> None:
    names = {path.name for path in DIRECTORY.iterdir()} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == names


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=called)
def test_each_manifest_is_what_its_schema_says_and_nothing_more(
    manifest: Manifest, version: str
) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_finds_a_misspelt_field() -> None:
    manifest = deepcopy(WORKLOADS[0])
    manifest["spec"]["replica"] = manifest["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


@workloads
def test_pods_have_no_rights_and_limits_of_memory(workload: Manifest) -> None:
    spec = pod(workload)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    for one in spec["containers"]:
        rights = spec["securityContext"] | one["securityContext"]
        assert rights["runAsUser"] == (10001 if one["image"] in OWN_IMAGES else 9999)
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert rights["allowPrivilegeEscalation"] is False
        assert rights.get("readOnlyRootFilesystem", False) == (one["image"] in OWN_IMAGES)
        assert one["resources"]["limits"]["memory"]


@workloads
def test_what_is_mounted_is_there(workload: Manifest) -> None:
    spec = pod(workload)["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    claims = {manifest["metadata"]["name"] for manifest in of_kind("PersistentVolumeClaim")}
    mounted = {mount["name"] for one in spec["containers"] for mount in one["volumeMounts"]}
    assert mounted == set(volumes)
    for volume in volumes.values():
        assert volume.get("persistentVolumeClaim", {}).get("claimName") in claims | {None}


def test_driver_and_workers_see_sources_and_store_at_the_same_places() -> None:
    places = [
        {mount["mountPath"] for mount in one["volumeMounts"]} & {"/raw", "/store"}
        for one in (container_of("docsluice"), container_of("docsluice-worker"))
    ]
    assert places == [{"/raw", "/store"}] * 2


@workloads
def test_what_selects_pods_finds_them(workload: Manifest) -> None:
    labels = pod(workload)["metadata"]["labels"]
    selector = workload["spec"].get("selector", {"matchLabels": {}})["matchLabels"]
    (policy,) = of_kind("NetworkPolicy")
    assert selector.items() <= labels.items()
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("service", of_kind("Service"), ids=called)
def test_ports_of_services_are_ports_of_their_pods(service: Manifest) -> None:
    wanted = service["spec"]["selector"].items()
    open_ = {
        port["containerPort"]
        for workload, one in CONTAINERS
        if wanted <= pod(workload)["metadata"]["labels"].items()
        for port in one["ports"]
    }
    assert {port["port"] for port in service["spec"]["ports"]} <= open_


def test_versions_are_those_that_are_pinned() -> None:
    tags = {image["name"]: image["newTag"] for image in KUSTOMIZATION["images"]}
    assert tags == dict.fromkeys(OWN_IMAGES, __version__)
    assert f"docsluice-worker:{tags['docsluice-worker']}" == WORKER_IMAGE
    others = {one["image"] for _, one in CONTAINERS} - OWN_IMAGES
    flink, server = sorted(others, reverse=True)
    minor, beam = re.fullmatch(r"apache/beam_flink([\d.]+)_job_server:(.+)", server).groups()  # type: ignore[union-attr]
    assert flink.startswith(f"flink:{minor}.")
    assert minor in FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    assert f"\napache-beam=={beam} " in (SEEDS.parent / "constraints.txt").read_text()


@drivers
def test_the_command_takes_its_arguments(container: Manifest) -> None:
    name, *arguments = container["args"]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    parsed = command.make_context(name, arguments).params
    assert parsed["sources"] == ["/raw"]
    assert (parsed["store"], parsed["runner"]) == ("/store", "flink")
    options = FlinkOptions.parse(parsed["runner_option"])
    assert options.environment_type == "EXTERNAL"
    known = {
        name
        for of in (PortableOptions, FlinkRunnerOptions)
        for name in of([]).get_all_options(drop_default=False, current_only=True)
    }
    assert {given.removeprefix("--").partition("=")[0] for given in options.given} <= known


@drivers
def test_there_are_such_settings(container: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    settings = load({})
    assert settings.index == "elasticsearch"
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    server = settings.elasticsearch
    for file in (server.api_key_file, server.ca_certs):
        assert file
        assert str(Path(file).parent) in mounts


@drivers
def test_the_job_server_and_the_workers_are_where_the_driver_says(container: Manifest) -> None:
    options = FlinkOptions.parse(
        word.removeprefix("--runner-option=") for word in container["args"] if "-option=" in word
    )
    services = {
        f"{service['metadata']['name']}:{port['port']}"
        for service in of_kind("Service")
        for port in service["spec"]["ports"]
    }
    assert options.job_endpoint in services
    (pool,) = container_of("docsluice-worker")["ports"]
    assert options.environment_config == f"localhost:{pool['containerPort']}"


def test_the_slots_are_enough_for_both_drivers_at_once() -> None:
    (workload,) = (one for one in WORKLOADS if one["metadata"]["name"] == "flink-taskmanager")
    (properties,) = container_of("flink")["env"]
    slots = re.search(r"numberOfTaskSlots: (\d+)", str(workload))
    assert properties["name"] == "FLINK_PROPERTIES"
    assert slots
    asked = re.findall(r"parallelism=(\d+)", " ".join(" ".join(one["args"]) for _, one in DRIVERS))
    parallelism, _, of_batch, _ = map(int, asked)
    assert parallelism + of_batch <= int(slots[1]) * workload["spec"]["replicas"]
