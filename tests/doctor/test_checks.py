"""`harness doctor` finds what is there and names what mends the rest."""

import json
from importlib import metadata

import pytest

from harness.cli import main
from harness.core.hub import hub_unreachable_reason
from harness.doctor import checks as doctor


def test_the_packages_of_this_environment_are_found() -> None:
    checks = {check.name: check for check in doctor.examine()}
    assert checks["python"].state == "ok"
    assert checks["transformers"].found == metadata.version("transformers")
    assert checks["hub"].state == "note"
    assert "HF_HUB_OFFLINE" in checks["hub"].found
    assert all(check.mend for check in checks.values() if check.state != "ok")


def test_a_missing_package_is_named_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_REQUIRED", ("no-such-package",))
    assert main(["doctor", "--json"]) == 2
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["no-such-package"]["state"] == "missing"
    assert checks["no-such-package"]["mend"] == "pip install no-such-package"


def test_a_vllm_whose_transformers_is_another_is_a_note_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "missing_imports", dict)
    note = doctor.Check(name="gpu", state="note", found="not looked for", mend="which takes a process with torch")
    monkeypatch.setattr(doctor, "_accelerator", lambda: note)
    monkeypatch.setattr(doctor.util, "find_spec", lambda _: True)
    monkeypatch.setattr(
        doctor, "unpaired", lambda: ("vllm 1 wants transformers <5.20", "pip install 'transformers<5.20'")
    )
    (check,) = [check for check in doctor.examine() if check.name == "engine vllm"]
    assert (check.state, check.found) == ("note", "vllm 1 wants transformers <5.20")
    assert check.mend == "pip install 'transformers<5.20'"
    monkeypatch.setattr(doctor, "unpaired", lambda: None)
    assert [check.state for check in doctor.examine() if check.name == "engine vllm"] == ["ok"]


def test_an_unreachable_hub_is_found_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    reason = hub_unreachable_reason(timeout_s=1)
    assert reason is not None
    assert "127.0.0.1" in reason


def test_what_models_of_lmms_eval_import_and_is_not_here_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.util.find_spec
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: None if name == "decord" else real(name))
    check = doctor._hidden()
    assert check.state == "note"
    assert "qwen2_5_vl" in check.found
    assert "vllm," not in check.found
    assert check.mend == "pip install decord"
