"""Set-up: what it says when it fails, and that it is silent when nothing changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("bash", "cat", "dirname", "env", "grep", "mkdir", "rm", "sha256sum", "tail", "touch", "uname")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="written for the programs of a Linux system")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What set-up reads of the project, in a folder of its own."""
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "tools/setup"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH with the common tools: a plain user, apt-get, no sudo."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))
    for name, line in {"id": "echo 1000", "apt-get": "exit 1"}.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def run_setup(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    command = [shutil.which("bash"), str(project / "tools" / "setup")]
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=120, check=False)


def the_line(run: subprocess.CompletedProcess[str]) -> str:
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    return line


def test_no_suitable_python(project: Path) -> None:
    line = the_line(run_setup(project, PYTHON="/nowhere/python3"))
    assert "no 64-bit Python 3.11 or newer" in line
    assert "PYTHON=" in line
    assert not (project / ".venv").exists()


def test_a_plain_user_is_told_what_an_administrator_has_to_install(project: Path, programs: Path) -> None:
    script = project / "tools" / "setup"
    script.write_text(script.read_text().replace("libEGL.so.1=libegl1", "libnowhere.so.9=libnowhere9"))
    line = the_line(run_setup(project, PATH=str(programs), PYTHON=sys._base_executable))
    assert "apt-get install --no-install-recommends libnowhere9" in line


def test_without_a_registry_the_line_names_step_and_log(project: Path, programs: Path) -> None:
    """Port 9 of this machine discards: nothing answers there."""
    script = project / "tools" / "setup"
    start = script.read_text().index("readonly LIBRARIES=")
    end = script.read_text().index("\n", start)
    script.write_text(script.read_text()[:start] + "readonly LIBRARIES=()" + script.read_text()[end:])
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    run = run_setup(project, PATH=str(programs), PYTHON=sys._base_executable, **offline)
    line = the_line(run)
    assert "failed: " in line
    assert "build/setup.log" in line
    assert not (project / ".venv" / ".setup-complete").exists()
    assert not (project / ".venv" / ".setup-running").exists(), "pip ended by itself: the folder can be built upon"
