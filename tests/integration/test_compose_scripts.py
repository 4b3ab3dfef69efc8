"""The scripts and settings that docker-compose.yml mounts, as far as they go without Kibana."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.conftest import SEEDS

ROOT = SEEDS.parent
CONFIG = ROOT / "config" / "compose"


def test_kibana_speaks_https_and_checks_the_certificate_of_elasticsearch() -> None:
    settings = yaml.safe_load((CONFIG / "kibana.yml").read_text())
    assert settings["server.ssl.enabled"] is True
    assert settings["elasticsearch.hosts"] == ["https://elasticsearch:9200"]
    assert settings["elasticsearch.ssl.verificationMode"] == "full"
    keys = [value for name, value in settings.items() if re.search("password|Key$", name)]
    assert len(keys) == 4
    assert all(re.fullmatch(r"\$\{\w+\}", value) for value in keys)


def test_kibana_finds_its_secrets_in_its_environment(tmp_path: Path) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", (CONFIG / "kibana.yml").read_text())) - {"NAME"}
    for name in ("kibana_password", "kibana_encryption_key"):
        (tmp_path / name).write_text(f"of {name}")
    given = {"KIBANA_PUBLISHED_PORT": "5601"}  # as docker-compose.yml has it
    done = subprocess.run(
        [CONFIG / "kibana.sh", "env"],
        env=given | {"PATH": "/usr/bin:/bin", "SECRETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert wanted <= set(found)
    assert found["KIBANA_PASSWORD"] == "of kibana_password"
    # The image puts what it knows by such a name on a command line.
    assert not [name for name in found if name.startswith(("ELASTICSEARCH_", "XPACK_"))]


def test_the_scripts_have_no_fault_that_the_linter_knows() -> None:
    scripts = [*(CONFIG).glob("*.sh"), ROOT / ".ci" / "run"]
    assert len(scripts) == 4
    linter = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([linter, *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
