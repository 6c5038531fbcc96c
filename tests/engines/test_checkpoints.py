"""Resolving a checkpoint by name and fingerprinting its content."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from harness.core.errors import ModelError
from harness.engines.checkpoints import resolve_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ckpt"
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"weights")
    return path


def test_a_copy_has_the_same_fingerprint_and_other_weights_another(folder: Path, tmp_path: Path) -> None:
    original = resolve_checkpoint(str(folder))
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    assert resolve_checkpoint(str(copy)).weights == original.weights
    (copy / "model.safetensors").write_bytes(b"Weights")
    changed = resolve_checkpoint(str(copy))
    assert changed.weights != original.weights
    assert changed.files == original.files


def test_a_changed_template_changes_the_files_fingerprint_alone(folder: Path) -> None:
    before = resolve_checkpoint(str(folder))
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    after = resolve_checkpoint(str(folder))
    assert after.weights == before.weights
    assert after.files != before.files


def test_what_a_trainer_leaves_beside_the_model_does_not_count(folder: Path) -> None:
    before = resolve_checkpoint(str(folder))
    (folder / "trainer_state.json").write_text("{}")
    (folder / "training_args.bin").write_bytes(b"x")
    (folder / "optimizer.pt").write_bytes(b"x")
    assert resolve_checkpoint(str(folder)) == before


def test_a_blob_of_the_hub_cache_is_known_by_its_name(folder: Path, tmp_path: Path) -> None:
    import hashlib

    plain = resolve_checkpoint(str(folder))
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    name = hashlib.sha256(b"weights").hexdigest()
    (blobs / name).write_bytes(b"not read")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(blobs / name)
    assert resolve_checkpoint(str(folder)).weights == plain.weights


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "word", "a/b/c", "~/nowhere"])
def test_no_such_model(name: str) -> None:
    with pytest.raises(ModelError, match="not found"):
        resolve_checkpoint(name)


def test_a_hub_id_offline_fails_at_once_and_says_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"HF_HUB_OFFLINE.*hf download some-org/some-model"):
        resolve_checkpoint("some-org/some-model")


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        resolve_checkpoint(str(folder))


def test_a_folder_without_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve_checkpoint(str(folder))


@pytest.mark.parametrize("cached", [True, False])
def test_a_hub_model_of_the_older_format_is_fetched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    asked: list[tuple[bool, bool]] = []

    def fetch(name: str, *, allow_patterns: list[str], local_files_only: bool = False, **_: object) -> str:
        assert name == "some-org/some-model"
        with_bin = "*.bin" in allow_patterns
        asked.append((local_files_only, with_bin))
        if local_files_only and not cached:
            raise LocalEntryNotFoundError("not there")
        if with_bin:
            (folder / "pytorch_model.bin").write_bytes(b"weights")
        return str(folder)

    (folder / "model.safetensors").unlink()
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.setattr("harness.engines.checkpoints.hub_unreachable_reason", lambda: None)
    assert resolve_checkpoint("some-org/some-model").weights is not None
    assert asked == [(True, False), (False, False), (False, True)]


def test_what_the_cache_holds_in_part_is_fetched_to_the_revision_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / ("a" * 40)
    snapshot.mkdir()
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model-1.safetensors").write_bytes(b"a")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    unreachable = "the hub is away"

    def fetch(
        _: str, *, revision: str | None, ignore_patterns: list[str], local_files_only: bool = False, **__: object
    ) -> str:
        assert "consolidated*" in ignore_patterns
        if not local_files_only:
            assert revision == snapshot.name
            if gone:
                raise RevisionNotFoundError(
                    "no", response=httpx.Response(404, request=httpx.Request("GET", "http://x"))
                )
            (snapshot / "model-2.safetensors").write_bytes(b"b")
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.setattr("harness.engines.checkpoints.hub_unreachable_reason", lambda: unreachable)
    gone = False
    with pytest.raises(ModelError, match="1 of 2 weight files missing"):
        resolve_checkpoint("org/name")
    unreachable = None  # type: ignore[assignment]
    whole = resolve_checkpoint("org/name")
    gone = True
    assert resolve_checkpoint("org/name") == whole


def test_weights_that_are_there_once_more_for_other_code_do_not_count(folder: Path) -> None:
    before = resolve_checkpoint(str(folder))
    (folder / "consolidated.safetensors").write_bytes(b"weights")
    assert resolve_checkpoint(str(folder)).weights == before.weights


def test_an_index_of_files_that_are_not_used_does_not_count(folder: Path) -> None:
    (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "pytorch_model-1.bin"}}')
    assert resolve_checkpoint(str(folder)).weights is not None


def test_a_missing_shard_is_found_before_loading(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"1 of 2 weight files missing.*model-2\.safetensors"):
        resolve_checkpoint(str(folder))


@pytest.mark.parametrize(("text", "expected"), [('{"prompt_format": "grounded"}', "grounded"), ("{}", None)])
def test_the_format_that_a_checkpoint_was_trained_with(folder: Path, text: str, expected: str | None) -> None:
    (folder / "harness.json").write_text(text)
    assert resolve_checkpoint(str(folder)).prompt_format == expected


@pytest.mark.parametrize("text", ["[]", "{", '{"prompt_format": "loud"}'])
def test_a_broken_harness_json_is_named(folder: Path, text: str) -> None:
    (folder / "harness.json").write_text(text)
    with pytest.raises(ModelError, match=r"harness\.json"):
        resolve_checkpoint(str(folder))


def test_what_is_told_of_a_training_is_known(folder: Path) -> None:
    told = {"training": {"recipe": "sha256:r", "data": "sha256:d", "seed": 3}, "step": 60}
    (folder / "harness.json").write_text(json.dumps(told))
    assert resolve_checkpoint(str(folder)).training == {"recipe": "sha256:r", "data": "sha256:d", "seed": 3, "step": 60}
    for broken in ({**told, "step": None}, {"step": 60}, {"training": 5}, {**told, "training": {"seed": 3}}):
        (folder / "harness.json").write_text(json.dumps(broken))
        assert resolve_checkpoint(str(folder)).training is None


DEEP = "[" * 20_000 + "]" * 20_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", ""),
        ("config.json", '{"model_type": "qwen2'),
        ("config.json", "[1]"),
        ("config.json", '{"a": ' + DEEP + "}"),
        ("config.json", '{"a": ' + DEEP[19_500:20_500] + "}"),
        ("config.json", '{"a": ' + "9" * 5000 + "}"),
        ("config.json", "\udcff"),
        ("tokenizer_config.json", '{"a": ' + DEEP + "}"),
        ("tokenizer.json", '{"a": '),
        ("generation_config.json", "{"),
        ("model.safetensors.index.json", '{"weight_map": [1]}'),
        ("model.safetensors.index.json", '{"weight_map": {"a": 1}}'),
        ("model.safetensors.index.json", '{"weight_map": {"a": ["b"]}}'),
        ("model.safetensors.index.json", '{"weight_map": ' + DEEP + "}"),
        ("harness.json", '{"prompt_format": ' + DEEP + "}"),
        ("harness.json", '{"prompt_format": ["direct"]}'),
        ("adapter_config.json", '{"base_model_name_or_path": ' + DEEP + "}"),
        ("adapter_config.json", '{"base_model_name_or_path": [1]}'),
        ("adapter_config.json", '{"base_model_name_or_path": "x\\u0000y"}'),
    ],
)
def test_a_damaged_file_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError) as caught:
        resolve_checkpoint(str(folder))
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("error", "token", "said"),
    [
        (GatedRepoError, None, r"is gated\. Accept its terms on https://huggingface\.co/org/name, then .*HF_TOKEN"),
        (GatedRepoError, "hf_x", r"The account that is logged in may not read it"),
        (RepositoryNotFoundError, None, r"no such model, or it is private\. Check the name\. Accept"),
    ],
)
def test_a_gated_model_says_how_to_get_in(
    error: type[HfHubHTTPError], token: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = httpx.Response(403, request=httpx.Request("GET", "https://mirror.example/x"))

    def refuse(*_: object, local_files_only: bool = False, **__: object) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not there")
        raise error("no", response=response)

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: token)
    monkeypatch.setattr("harness.engines.checkpoints.hub_unreachable_reason", lambda: None)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    with pytest.raises(ModelError, match=said):
        resolve_checkpoint("org/name")


FETCH = """
import sys, time
from pathlib import Path
import huggingface_hub
from huggingface_hub.errors import LocalEntryNotFoundError
from harness.engines import checkpoints

folder, fetched = Path(sys.argv[1]), Path(sys.argv[2])

def download(name, *, local_files_only=False, **_):
    if local_files_only and not folder.is_dir():
        raise LocalEntryNotFoundError("not there")
    if not local_files_only and not (folder / "config.json").is_file():
        with fetched.open("a") as file:
            file.write("fetched\\n")
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors").write_bytes(b"")
        time.sleep(1)  # Here another process would take what there is for the whole.
        (folder / "config.json").write_text("{}")
    return str(folder)

huggingface_hub.snapshot_download = download
checkpoints.hub_unreachable_reason = lambda: None
print("ready", flush=True)
sys.stdin.readline()
assert (checkpoints._fetch("org/name", None) / "config.json").is_file()
"""


def test_of_two_processes_one_fetches_and_the_other_waits(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FETCH, str(tmp_path / "model"), str(tmp_path / "fetched")]
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub")}
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=30)
    assert [process.returncode for process in processes] == [0, 0]
    assert (tmp_path / "fetched").read_text() == "fetched\n"


def test_a_cache_that_cannot_be_written_has_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.core.hub import fetching

    (tmp_path / "file").write_text("")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file"))
    with fetching("org/name"):
        pass
