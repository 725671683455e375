"""The demo does what it shows."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_the_demo_goes_as_promised():
    shown = subprocess.run([ROOT / "deploy/demo", "--once"], capture_output=True, text=True,
                           timeout=280, stdin=subprocess.DEVNULL)
    assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-2000:]
    assert "0 errors" in shown.stdout and "0 lost or doubled" in shown.stdout
