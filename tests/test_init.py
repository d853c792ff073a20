"""`init`: the files of a project, with what the API accepts; nothing that stands there is changed."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from typer.testing import CliRunner

from extend_source.cli import app
from extend_source.cli.config_files import Project, config_section
from extend_source.cli.initialisation import InitResult, initialise
from extend_source.config.settings import ExtendSettings
from extend_source.errors import UsageError
from extend_source.sandbox import OddAnswer, Options, SandboxServer, Workspace

KEY = "sk_sandbox"


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[dict[str, SandboxServer]]:
    """Two deployments with keys of their own."""
    workspaces = [Workspace(runs=2, workspace_id="ws_a"), Workspace(runs=2, workspace_id="ws_b")]
    europe = SandboxServer(workspaces=workspaces, options=Options(api_key="sk_europe"))
    with SandboxServer(runs=2) as us, europe:
        yield {"US": us, "EU1": europe}


@pytest.fixture
def deployments(stand_ins: dict[str, SandboxServer]) -> Iterator[dict[str, str]]:
    yield {name: server.base_url for name, server in stand_ins.items()}
    for server in stand_ins.values():
        server.organization.instead = None


class Person:
    """Types answers, and remembers the questions."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.questions = list(answers), list[tuple[str, bool]]()

    def __call__(self, question: str, hidden: bool) -> str:
        self.questions.append((question, hidden))
        return self.answers.pop(0)


def init(folder: Path, deployments: dict[str, str], person: Person | None = None, **given: Any) -> InitResult:
    """Run it in a folder, where dlt finds the files anew."""
    Container()[PluggableRunContext].reload_providers()
    given = {"base_url": deployments["US"], **given} if not (folder / ".dlt/config.toml").exists() else given
    return initialise(Project(folder), given, person, deployments)


def read(path: Path) -> dict[str, Any]:
    return tomlkit.parse(path.read_text("utf-8")).unwrap()


def test_a_key_of_the_environment_is_all_that_is_needed(
    deployments: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", KEY)
    first = init(tmp_path, deployments)
    before = (tmp_path / ".dlt/config.toml").read_bytes()
    second = init(tmp_path, deployments)

    assert read(tmp_path / ".dlt/config.toml") == {"sources": {"extend": {"base_url": deployments["US"]}}}
    assert first.notes == ["Wrote .dlt/config.toml: all that is usually set, as comments with the defaults."]
    assert (first.next_command, second.next_command) == ("extend-source plan", "extend-source plan")
    assert (second.notes, (tmp_path / ".dlt/config.toml").read_bytes()) == ([], before)
    assert sorted(path.name for path in (tmp_path / ".dlt").iterdir()) == ["config.toml"]


def test_a_typed_key_goes_into_a_file_for_its_owner_alone_that_git_ignores(
    deployments: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.duckdb")
    person = Person(f" {KEY} ")

    result = init(tmp_path, deployments, person)
    again = init(tmp_path, deployments, Person())

    secrets = tmp_path / ".dlt/secrets.toml"
    assert person.questions == [("API key (not shown)", True)]
    assert read(secrets) == {"sources": {"extend": {"api_key": KEY}}}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert (tmp_path / ".gitignore").read_text() == "*.duckdb\n.dlt/secrets.toml\n"
    assert result.notes[1:] == [
        "Wrote .dlt/secrets.toml with the key; only you may read it.",
        "Added .dlt/secrets.toml to .gitignore: git must never have it.",
    ]
    assert KEY not in (tmp_path / ".dlt/config.toml").read_text() + "".join(result.notes)
    assert again.notes == []


LINES = {
    ".dlt/": True,
    "/project/.dlt": True,
    "secrets.toml": True,
    "**/.dlt/*": True,
    "/project/.dlt/secrets.toml": True,
    "project/.dlt/*": True,
    ".dlt/secrets.toml": False,
    "/.dlt": False,
    "/secrets.toml": False,
    "/*.toml": False,
    "*.toml\n!secrets.toml": False,
    ".dlt/\n!project/.dlt/": False,
    "*.toml\n!config.toml": True,
}
"""Lines of a .gitignore above a project, and whether git ignores the secrets for them."""


@pytest.mark.parametrize(("line", "is_ignored"), LINES.items())
def test_git_is_told_to_ignore_the_secrets_where_it_does_not_already(
    line: str, is_ignored: bool, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(f"{line}\n")
    project = tmp_path / "project"
    (project / ".dlt").mkdir(parents=True)
    (project / ".dlt/secrets.toml").touch()
    assert ignored_by_git(project) == is_ignored

    note = Project(project).keep_secrets_out_of_git()

    assert (note is None, (project / ".gitignore").exists()) == (is_ignored, not is_ignored)
    assert ignored_by_git(project)
    assert Project(project).keep_secrets_out_of_git() is None


def ignored_by_git(project: Path) -> bool:
    """Ask git, which may have a list of its own for all work trees of this person."""
    command = ["git", "-C", project, "-c", f"core.excludesFile={os.devnull}", "check-ignore", "-q", ".dlt/secrets.toml"]
    asked = subprocess.run(command, check=False)
    return asked.returncode == 0


def test_a_gitignore_keeps_its_bytes_and_the_ends_of_its_lines(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\r\n*.duckdb")

    Project(tmp_path).keep_secrets_out_of_git()

    assert (tmp_path / ".gitignore").read_bytes() == b"caf\xe9\r\n*.duckdb\r\n.dlt/secrets.toml\r\n"


def test_outside_of_a_work_tree_there_is_nothing_to_ignore(tmp_path: Path) -> None:
    assert Project(tmp_path).keep_secrets_out_of_git() is None
    assert not (tmp_path / ".gitignore").exists()


def test_without_a_terminal_and_a_key_it_says_where_to_put_it(deployments: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigFieldMissingException):
        init(tmp_path, deployments)
    outcome = CliRunner().invoke(app, ["init", "--yes"])

    assert outcome.exit_code == 4
    assert "No api_key. Set SOURCES__EXTEND__API_KEY, or api_key under" in outcome.stderr
    assert not (tmp_path / ".dlt").exists()


def test_the_region_and_the_workspace_of_a_key_are_found_out(
    deployments: dict[str, str], tmp_path: Path, stand_ins: dict[str, SandboxServer]
) -> None:
    stand_ins["US"].organization.instead = lambda entry: OddAnswer(401, b'{"error": "The API key is unknown."}')
    person = Person("sk_sandbox_org", "ws_b")

    result = init(tmp_path, deployments, person)

    assert result.check.ok
    assert [hidden for _, hidden in person.questions] == [True, False]
    assert read(tmp_path / ".dlt/config.toml") == {
        "sources": {"extend": {"base_url": deployments["EU1"], "workspace_id": "ws_b"}}
    }


def test_a_version_that_the_key_is_not_answered_for_is_replaced(
    deployments: dict[str, str], tmp_path: Path, stand_ins: dict[str, SandboxServer]
) -> None:
    gone = OddAnswer(410, b'{"code": "ENDPOINT_REMOVED", "message": "Use /extract_runs."}')
    stand_ins["US"].organization.instead = lambda entry: gone if entry.route == "list_runs" else None

    result = init(tmp_path, deployments, Person(KEY))

    assert result.check.ok
    assert read(tmp_path / ".dlt/config.toml")["sources"]["extend"]["api_version"] == "2026-02-09"


def test_a_key_that_is_refused_is_written_nowhere(deployments: dict[str, str], tmp_path: Path) -> None:
    result = init(tmp_path, deployments, Person("sk_wrong"))

    assert (result.check.ok, result.notes, result.next_command) == (False, [], None)
    assert not (tmp_path / ".dlt").exists()


EXISTING = """# mine
[runtime]
log_level = "INFO"   # loud
"""


def test_a_config_without_the_section_gets_it_and_loses_nothing(deployments: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text(EXISTING)

    result = init(tmp_path, deployments, Person(KEY), base_url=deployments["US"])

    text = (tmp_path / ".dlt/config.toml").read_text()
    assert text.startswith(EXISTING + "\n[sources.extend]\n")
    assert read(tmp_path / ".dlt/config.toml") == {
        "runtime": {"log_level": "INFO"},
        "sources": {"extend": {"base_url": deployments["US"]}},
    }
    assert result.notes[0] == "Added [sources.extend] to .dlt/config.toml, below what was there."


def test_the_config_of_this_checkout_takes_a_key_of_any_region(deployments: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    ours = (Path(__file__).parents[1] / ".dlt/config.toml").read_text("utf-8")
    (tmp_path / ".dlt/config.toml").write_text(ours)

    result = init(tmp_path, deployments, Person(KEY), base_url=deployments["US"])

    assert result.notes[0] == "Added [sources.extend] to .dlt/config.toml, below what was there."
    assert read(tmp_path / ".dlt/config.toml") == {
        **tomlkit.parse(ours).unwrap(),
        "sources": {"extend": {"base_url": deployments["US"]}},
    }


@pytest.mark.parametrize(
    "written",
    [
        '[sources.extend]\nmax_runs = 5  # few\n\n[sources.extend.privacy]\ndefault = "keep"\n',
        '[sources]\nextend.max_runs = 5  # few\n[sources.extend.privacy]\ndefault = "keep"\n',
        'sources.extend = { max_runs = 5, privacy = { default = "keep" } }\n',
    ],
)
def test_a_section_that_is_there_gets_what_it_lacks_or_nothing(written: str, tmp_path: Path) -> None:
    path = tmp_path / ".dlt/config.toml"
    path.parent.mkdir()
    path.write_text(written)
    before = read(path)

    project = Project(tmp_path)
    assert project.write_config({"max_runs": 5}) is None
    assert path.read_text() == written
    assert project.write_config({"base_url": "https://api.eu1.extend.ai"}) == "Added base_url to .dlt/config.toml."
    before["sources"]["extend"]["base_url"] = "https://api.eu1.extend.ai"
    assert read(path) == before
    assert ("# few" in path.read_text()) == ("# few" in written)


def test_another_value_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / ".dlt/config.toml"
    path.parent.mkdir()
    path.write_text('[sources.extend]\nbase_url = "https://mine.example"\n')

    with pytest.raises(UsageError) as refused:
        Project(tmp_path).write_config({"base_url": "https://api.eu1.extend.ai"})

    assert str(refused.value) == (
        '.dlt/config.toml has another base_url. Set base_url = "https://api.eu1.extend.ai" there.'
    )
    assert read(path)["sources"]["extend"]["base_url"] == "https://mine.example"


def test_a_key_goes_beside_other_secrets(tmp_path: Path) -> None:
    secrets = tmp_path / ".dlt/secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text('[destination.postgres]\npassword = "p"\n')

    assert Project(tmp_path).write_key('sk_"odd"') == "Added the key to .dlt/secrets.toml; only you may read it."
    assert read(secrets) == {
        "destination": {"postgres": {"password": "p"}},
        "sources": {"extend": {"api_key": 'sk_"odd"'}},
    }
    assert os.stat(secrets).st_mode & 0o077 == 0


@pytest.mark.parametrize("written", ["[runtime]\r\na = 1 # mine\r\n", "[sources.extend]\r\nmax_runs = 5 # mine\r\n"])
def test_a_file_keeps_the_ends_of_its_lines_its_mode_and_its_link(written: str, tmp_path: Path) -> None:
    real, path = tmp_path / "real.toml", tmp_path / ".dlt/config.toml"
    real.write_bytes(written.encode())
    real.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(real)

    Project(tmp_path).write_config({"base_url": "https://api.eu1.extend.ai"})

    text = real.read_bytes().decode()
    assert text.startswith(written)
    assert text.count("\n") == text.count("\r\n") > 2
    assert read(path)["sources"]["extend"]["base_url"] == "https://api.eu1.extend.ai"
    assert (path.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".dlt", "real.toml"]


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (b"# caf\xe9\n", "config.toml is no UTF-8 without a byte order mark. Save it as that."),
        (b"\xef\xbb\xbf[a]\n", "config.toml is no UTF-8 without a byte order mark. Save it as that."),
        (b"[a\n", "config.toml is no TOML: Unexpected character: '\\n' at line 1 col 2. Correct it."),
        (b"sources = 3\n", "config.toml cannot be added to. Put base_url under [sources.extend] there by hand."),
        (b"[[sources]]\n", "config.toml cannot be added to. Put base_url under [sources.extend] there by hand."),
    ],
)
def test_a_file_that_is_not_to_be_added_to_stays_as_it_is(written: bytes, line: str, tmp_path: Path) -> None:
    path = tmp_path / ".dlt/config.toml"
    path.parent.mkdir()
    path.write_bytes(written)

    with pytest.raises(UsageError) as refused:
        Project(tmp_path).write_config({"base_url": "https://api.eu1.extend.ai"})

    assert (str(refused.value), path.read_bytes()) == (line, written)


def test_every_setting_of_the_file_has_one_line_of_comment_and_its_default() -> None:
    text = config_section({})
    written = text.replace("# ", "#").splitlines()
    settings = [line for line in written if " = " in line]
    comments = [line for line in text.splitlines() if line.startswith("# ") and " = " not in line]
    values = read_text("\n".join(line.removeprefix("#") for line in settings))
    defaults = {field.name: field.default for field in fields(ExtendSettings)}

    assert tomlkit.parse(text).unwrap() == {"sources": {"extend": {}}}
    assert len(values) == len(settings) == len(comments) > 10
    assert {name for name, value in values.items() if defaults[name] is not None and value != defaults[name]} == set()
    assert {"base_url", "api_version", "workspace_id", "start_date", "keep_raw", "file_contents"} <= values.keys()
    assert max(map(len, comments)) < 125


def read_text(text: str) -> dict[str, Any]:
    return tomlkit.parse(text).unwrap()


def test_the_shell_ends_with_the_command_to_type_next(stand_ins: dict[str, SandboxServer], tmp_path: Path) -> None:
    arguments = ["init", "--yes", "--base-url", stand_ins["US"].base_url]
    outcome = CliRunner().invoke(app, arguments, env={"SOURCES__EXTEND__API_KEY": KEY})

    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines()[-1] == "Next: extend-source plan"
    assert (tmp_path / ".dlt/config.toml").is_file()
