"""The analyzers that the server from Maven's archive lacks, as a plugin for tests only."""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from pathlib import Path

from tests.integration.servers import UnavailableError
from tests.integration.servers.distribution import VERSION

_SOURCE = Path(__file__).parent / "analysis" / "AnalysisForTests.java"
_DESCRIPTOR = f"""\
name=analysis-for-tests
description=Analyzers that the server of the tests lacks
version=1
classname={_SOURCE.stem}
java.version=17
elasticsearch.version={VERSION}
"""


def install(server: Path, java_home: Path) -> None:
    """Compile the plugin against a server and put it into that server.

    Raises:
        UnavailableError: the Java has no compiler.
    """
    target = server / "plugins" / "analysis-for-tests"
    target.mkdir()
    with tempfile.TemporaryDirectory() as classes:
        command = [str(java_home / "bin" / "javac"), "-proc:none", "-d", classes]
        command += ["-cp", str(server / "lib" / "*"), str(_SOURCE)]
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError:
            raise UnavailableError(
                f"the tests' Elasticsearch needs a compiler, and {java_home} has no bin/javac; "
                "install a JDK and name it in ES_JAVA_HOME"
            ) from None
        with zipfile.ZipFile(target / "analysis-for-tests.jar", "w") as jar:
            for path in sorted(Path(classes).glob("*.class")):
                jar.write(path, path.name)
    (target / "plugin-descriptor.properties").write_text(_DESCRIPTOR)
