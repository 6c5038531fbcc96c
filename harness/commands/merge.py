"""`harness merge`: a checkpoint of its own from an adapter (LoRA) and its base model."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from harness.commands.eval_arguments import TRUST
from harness.core.console import show
from harness.core.errors import UsageError
from harness.core.files import write_errors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness merge`."""
    parser.add_argument("adapter", metavar="ADAPTER", help="folder or hub id; its adapter_config.json names the base")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the new checkpoint")
    parser.add_argument("--trust-remote-code", action="store_true", help=TRUST)


def run(arguments: argparse.Namespace) -> int:
    """Merge, and save the model with the processor that it is used with, in the precision of the base.

    Raises:
        UsageError: not an adapter, or the folder holds something.
        HarnessError: the adapter or its base model is not whole, or they do not fit.
    """
    out = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty. Give another folder.")
    from harness.engines.checkpoints import resolve_checkpoint

    checkpoint = resolve_checkpoint(arguments.adapter, trust_remote_code=arguments.trust_remote_code, sees=True)
    if checkpoint.adapter is None:
        raise UsageError(f"{arguments.adapter!r} is a whole model, no adapter: there is nothing to merge.")
    from harness.engines.inputs import load_processor
    from harness.engines.weights import load_model

    processor = load_processor(checkpoint)
    model = load_model(checkpoint, dtype="auto")
    with write_errors(out, advice=f"Delete {out}, free space, and run the same command again."):
        model.save_pretrained(out)
        processor.save_pretrained(out)
        if (told := checkpoint.adapter / "harness.json").is_file():
            shutil.copy(told, out)
    show(f"{out}: {arguments.adapter} merged into {checkpoint.folder}")
    return 0
