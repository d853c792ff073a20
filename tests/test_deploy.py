"""The files in deploy/: what systemd, a shell and Kubernetes make of them, and of each exit code."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from extend_source.cli.exit_codes import DONE, EXIT_CODES, FAILED, REFUSED, SOME_FAILED, STOPPED, WRONG_USE
from tests.integrations.pages import ROOT, commands

DEPLOY = ROOT / "deploy"
INSTALLED = "/srv/extend/.venv/bin/extend-source"


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with a command extend-source that ends with the code in CODE, and says so."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "extend-source"
    script.write_text('#!/bin/sh\necho "said $1"\nexit "${CODE:-0}"\n')
    script.chmod(0o755)
    return folder


def run(script: str, folder: Path, command: Path, code: int) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={"PATH": f"{command}{os.pathsep}/usr/bin{os.pathsep}/bin", "CODE": str(code)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


# ---- cron


def cron_commands(folder: Path) -> list[str]:
    lines = (DEPLOY / "crontab").read_text("utf-8").splitlines()
    jobs = [re.fullmatch(r"(?:[\d*/,-]+ +){4}[\d*/,-]+ +(?P<command>.+)", line) for line in lines]
    return [job["command"].replace("/srv/extend", str(folder)) for job in jobs if job]


@pytest.mark.parametrize("code", EXIT_CODES)
def test_cron_mails_what_needs_someone_and_nothing_else(code: int, tmp_path: Path, command: Path) -> None:
    sync, status = cron_commands(tmp_path)

    assert run(sync, tmp_path, command, code)[1] == ("said sync\n" if code in (FAILED, WRONG_USE, REFUSED) else "")
    assert run(status, tmp_path, command, code)[1] == ("said status\n" if code != DONE else "")


def test_no_line_of_the_crontab_has_a_percent_sign_which_cron_takes_for_the_end_of_the_line() -> None:
    lines = (DEPLOY / "crontab").read_text("utf-8").splitlines()
    assert not [line for line in lines if "%" in line and not line.startswith("#")]


# ---- systemd


def setting(name: str) -> list[str]:
    text = (DEPLOY / "extend-sync.service").read_text("utf-8")
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_units(tmp_path: Path, command: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    unit = tmp_path / "deploy" / "extend-sync.service"
    unit.write_text(unit.read_text("utf-8").replace(INSTALLED, str(command / "extend-source")))
    [verify] = commands("deploy.md")

    def verified() -> tuple[int, str]:
        return run(f"export REPOSITORY={tmp_path}; {verify}", tmp_path, command, 0)

    assert verified() == (0, "")
    unit.write_text(unit.read_text("utf-8").replace("Type=exec", "Type=oneshot"))
    assert verified()[0] != 0


def test_systemd_starts_again_after_5_and_calls_for_help_after_1_2_and_4() -> None:
    assert setting("SuccessExitStatus") == [str(SOME_FAILED)]
    assert setting("RestartForceExitStatus") == [str(STOPPED)]
    assert (setting("Restart"), setting("OnFailure")) == ([], ["extend-alert.service"])


# ---- Kubernetes


class Strict(yaml.SafeLoader):
    """Refuses a key that comes twice, which YAML's own loader takes the last one of."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def job() -> Mapping[str, Any]:
    [volume, cron] = yaml.load_all((DEPLOY / "cronjob.yaml").read_text("utf-8"), Strict)
    assert (volume["kind"], cron["kind"], cron["apiVersion"]) == ("PersistentVolumeClaim", "CronJob", "batch/v1")
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    found: dict[str, Any] = cron["spec"]["jobTemplate"]["spec"]
    return found


def test_kubernetes_fails_at_once_after_2_and_4_goes_on_after_5_and_tries_1_again(job: Mapping[str, Any]) -> None:
    by_code = {
        code: rule["action"]
        for rule in job["podFailurePolicy"]["rules"]
        for code in rule.get("onExitCodes", {}).get("values", ())
    }

    assert by_code == {WRONG_USE: "FailJob", REFUSED: "FailJob", STOPPED: "Ignore"}
    assert (job["backoffLimit"], job["template"]["spec"]["restartPolicy"]) == (3, "Never")  # the policy needs Never
    [container] = job["template"]["spec"]["containers"]
    named = {rule["onExitCodes"]["containerName"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule}
    assert named == {container["name"]}


@pytest.mark.parametrize("code", EXIT_CODES)
def test_the_container_hands_every_exit_code_on_but_3(
    code: int, job: Mapping[str, Any], tmp_path: Path, command: Path
) -> None:
    [container] = job["template"]["spec"]["containers"]
    assert container["command"] == ["/bin/sh", "-c"]

    assert run(container["args"][0], tmp_path, command, code)[0] == (DONE if code == SOME_FAILED else code)


def test_the_container_hands_a_sigterm_on_and_waits_for_the_sync_to_end(
    job: Mapping[str, Any], tmp_path: Path, command: Path
) -> None:
    [container] = job["template"]["spec"]["containers"]
    (command / "extend-source").write_text(
        f"#!{sys.executable}\n"
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(5)))\n"
        "pathlib.Path('begun').touch()\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        ["/bin/sh", "-c", container["args"][0]],
        cwd=tmp_path,
        env={"PATH": f"{command}{os.pathsep}/usr/bin{os.pathsep}/bin"},
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == STOPPED


def test_the_pod_has_no_rights_that_it_does_not_need(job: Mapping[str, Any]) -> None:
    pod = job["template"]["spec"]
    [container] = pod["containers"]

    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]


# ---- Docker


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_is_slim_runs_without_root_and_copies_only_files_that_are_there() -> None:
    found = instructions()
    copied = [word for name, rest in found if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]]

    assert all(name.isupper() for name, _ in found)
    assert [rest.split()[0] for name, rest in found if name == "FROM"] == ["python:3.12-slim"] * 2
    assert [rest for name, rest in found if name == "USER"] == ["10001"]
    assert all((ROOT / name).exists() for name in copied)
    assert not re.search("api_key|sk_", str(found), re.IGNORECASE)


def test_the_health_check_of_the_image_ends_with_0_or_1_as_docker_wants(tmp_path: Path, command: Path) -> None:
    [check] = [rest for name, rest in instructions() if name == "HEALTHCHECK"]
    shell = re.fullmatch(r'.* CMD \["/bin/sh", "-c", "(?P<script>[^"]+)"\]', check)
    assert shell

    ended = {code: run(shell["script"], tmp_path, command, code)[0] for code in (0, 1, 2, 5)}

    assert ended == {0: 0, 1: 1, 2: 1, 5: 1}
