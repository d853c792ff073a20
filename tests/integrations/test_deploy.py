"""The files in deploy/, as the linters of Docker and Kubernetes see them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.pages import ROOT

pytestmark = pytest.mark.integrations

TOOLS = Path(sys.executable).parent
KUBERNETES = ["kubernetes-validate", "--strict", "--no-warn", "-k"]


def lint(command: list[str], text: str, folder: Path, name: str) -> tuple[int, str]:
    (folder / name).write_text(text, "utf-8")
    done = subprocess.run(
        [str(TOOLS / command[0]), *command[1:], name],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_hadolint_has_nothing_to_say_of_the_image(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")

    assert lint(["hadolint"], text, tmp_path, "Dockerfile") == (0, "")
    code, said = lint(["hadolint"], text.replace("WORKDIR /data", "WORKDIR data"), tmp_path, "Dockerfile")
    assert (code, "DL3000" in said) == (1, True)


@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_kubernetes_knows_every_word_of_the_cronjob(version: str, tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "cronjob.yaml").read_text("utf-8")

    code, said = lint([*KUBERNETES, version], text, tmp_path, "cronjob.yaml")
    assert (code, said.count("passed")) == (0, 2), said
    code, said = lint([*KUBERNETES, version], text.replace("backoffLimit", "backofLimit"), tmp_path, "cronjob.yaml")
    assert (code, "'backofLimit' was unexpected" in said) == (1, True)
