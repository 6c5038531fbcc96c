"""The plan of a training: what each GPU holds, whether it fits, and the setting that makes it fit.

Imported lazily only: torch and trl are imported by `trainers.trl_config`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, gcd
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.core.worlds import worlds
from harness.engines.sizes import PACE
from trainers.lengths import Longest, fit_context
from trainers.plan.machine import Machine
from trainers.plan.memory import GIB, Context, Item, activations, checkpoints, context, items, states, whole_logits
from trainers.plan.sizes import ModelSizes
from trainers.settings import POLICY, Recipe
from trainers.trl_config import build_config

_ADAPTIVE: Final = 29
"""Rollouts of a prompt that adaptive selection takes on average (`benchmarks/selection.py`, 27 to 33)."""
_PIXELS: Final = 200_704
"""Pixels of an image below which none is asked to go, 256 tokens of Qwen2.5-VL."""
_SHARES: Final = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
"""Shares of a GPU's memory that are tried for vLLM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training takes.

    Attributes:
        machine: that it is planned for.
        items: what takes memory on the first GPU.
        context: of a colocated vLLM; `None`: there is none, or the memory is not known.
        notes: what is told beside.
        problems: what does not fit or has no place, in words; empty also where the memory is not known.
    """

    machine: Machine
    items: Sequence[Item]
    context: Context | None
    notes: Sequence[str]
    problems: Sequence[str]

    @property
    def sampling(self) -> int:
        """Bytes while responses are sampled."""
        return sum(item.sampling for item in self.items)

    @property
    def updating(self) -> int:
        """Bytes while the weights are updated."""
        return sum(item.updating for item in self.items)

    def excess(self) -> int:
        """Bytes that are missing in both phases; what vLLM lacks for one context counts too."""
        if self.machine.memory is None:
            return 0
        lacking = 0 if self.context is None else self.context.tokens * self.context.token - self.context.cache
        return sum(max(0, used - self.machine.memory) for used in (self.sampling, self.updating)) + max(0, lacking)


def plan_training(
    recipe: Recipe, sizes: ModelSizes, machine: Machine, row: Longest, *, rows: int, disk: int, pace: float = PACE
) -> Plan:
    """Plan a training.

    Args:
        recipe: resolved.
        sizes: of its model.
        machine: that it is to run on.
        row: the longest one.
        rows: how many there are.
        disk: bytes that checkpoints take.
        pace: generated tokens a second, of all GPUs together.

    Raises:
        UsageError: settings that do not fit together on that many GPUs.
    """
    config = build_config(recipe, Path(recipe.output), gpus=machine.gpus)
    fit_context(config, row)
    found = items(recipe, config, sizes, machine, row)
    vllm = context(recipe, config, sizes, machine, row)
    notes = list(_notes(recipe, config, sizes, machine, row, vllm))
    notes += [f"disk: {disk / GIB:.1f} GiB of checkpoints and the final model", *_hours(recipe, config, rows, pace)]
    plan = Plan(machine=machine, items=found, context=vllm, notes=notes, problems=())
    return replace(plan, problems=[*_lacks(plan), *_homeless(recipe, machine)])


def tell_plan(
    recipe: Recipe,
    sizes: ModelSizes,
    machine: Machine,
    row: Longest,
    *,
    rows: int,
    disk: int,
    pace: float,
    tell: Callable[[str], None],
) -> None:
    """Tell the plan of a training, and refuse one that does not fit.

    Raises:
        UsageError: what does not fit, and what makes it fit.
    """
    plan = plan_training(recipe, sizes, machine, row, rows=rows, disk=disk, pace=pace)
    advice = remedy(recipe, sizes, machine, row, rows=rows, disk=disk) if plan.excess() else ()
    tell(told(plan, advice))
    if plan.problems:
        fits = f" It fits with: {' '.join(advice)}." if advice else ""
        raise UsageError(f"the training does not fit its machine: {'; '.join(plan.problems)}.{fits}")


def _lacks(plan: Plan) -> Iterator[str]:
    memory = plan.machine.memory
    if memory is None:
        return
    for name, used in (("sampling", plan.sampling), ("updating", plan.updating)):
        if used > memory:
            yield f"{name} takes {used / GIB:.1f} GiB on a GPU of {memory / GIB:.0f}"
    vllm = plan.context
    if vllm is not None and vllm.room < 1:
        yield (
            f"vLLM has {max(0, vllm.cache) / GIB:.1f} GiB for its cache, and a context of {vllm.tokens:,} tokens takes "
            f"{vllm.tokens * vllm.token / GIB:.1f}: it would not start"
        )


def _homeless(recipe: Recipe, machine: Machine) -> Iterator[str]:
    """A judge without a place of its own."""
    judge = recipe.judge
    if not recipe.needs_judge or judge.model in (POLICY, *worlds()) or machine.memory is None:
        return
    host = urlsplit(judge.base_url or "").hostname
    if not str(judge.model).startswith("openai:"):
        yield f"judge.model={judge.model} would be loaded beside the training. Serve it: {launch_line(recipe)}"
    elif host in ("localhost", "127.0.0.1", "0.0.0.0") and not judge.gpu_share:
        yield (
            f"the judge at {judge.base_url} is on this machine and has no memory there. Set judge.gpu_share (and start "
            f"it with that: {launch_line(recipe)}), or judge.base_url to another machine"
        )


def launch_line(recipe: Recipe) -> str:
    """How the judge is started."""
    name = str(recipe.judge.model).removeprefix("openai:")
    port = urlsplit(recipe.judge.base_url or "").port or 8001
    share = recipe.judge.gpu_share or 0.25
    return f"vllm serve {name} --port {port} --gpu-memory-utilization {share} --max-model-len 4096"


def _notes(
    recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest, vllm: Context | None
) -> Iterator[str]:
    yield (f"model: {sizes.total:,} weights; longest row {row.row!r}: {row.prompt:,} tokens, {row.visual:,} of media")
    other = not checkpoints(config)
    told = activations(recipe, config, sizes, machine, row, checkpointed=other) / GIB
    yield f"activations {'with' if other else 'without'} gradient checkpointing: {told:.2f} GiB"
    whole = whole_logits(recipe, config, sizes, row) / GIB
    yield f"logits over {sizes.vocabulary:,} tokens as a whole would take {whole:.2f} GiB; TRL forms tiles of them"
    if vllm is not None:
        yield (
            f"vLLM: context of {vllm.tokens:,} tokens, {vllm.token / 1000:,.1f} kB each; a cache of "
            f"{max(0, vllm.cache) / GIB:.1f} GiB holds {vllm.room:.1f} of them; {vllm.sequences} responses at a time"
        )
    if recipe.needs_judge and recipe.judge.model not in (POLICY, *worlds()):
        place = f"judge: {recipe.judge.model} at {recipe.judge.base_url or 'its own address'}"
        yield place + (f"; start it: {launch_line(recipe)}" if recipe.judge.gpu_share else "")
    if machine.sharding != "none":
        loading = sizes.total * (4 if machine.sharding in ("zero1", "zero2") else 2)
        each = machine.gpus // machine.nodes
        held = machine.offloads * states(recipe, sizes, machine)[2] * each
        yield f"memory of each host: {(loading * each + held) / GIB:.0f} GiB while {each} processes load the model"


def _hours(recipe: Recipe, config: Any, rows: int, pace: float) -> Iterator[str]:
    if recipe.algorithm != "grpo":
        steps = config.max_steps if config.max_steps > 0 else None
        yield f"rows: {rows:,}, {f'{steps:,} steps' if steps else f'{config.num_train_epochs:g} epochs'}"
        return
    selecting, about = 0, False
    kept = recipe.kept(rows)
    if recipe.selects:
        chosen = recipe.selection
        *earlier, last = chosen.targets()
        about = bool(earlier)  # Rounds after which a prompt may stop.
        selecting = rows * (max(chosen.first, min(_ADAPTIVE, last)) if about else last)
    training, most = _training_rollouts(recipe, config, kept)
    tokens = (selecting + training) * config.max_completion_length
    yield (
        f"rollouts: {'about ' * about}{selecting:,} to select {kept:,} of {rows:,} rows, {'at most ' * most}"
        f"{training:,} to train; {tokens:,} tokens, {'about' if about else 'at most'} {tokens / pace / 3600:,.1f} "
        f"hours at {pace:,.0f} tokens a second; updates and judge come on top"
    )


def _training_rollouts(recipe: Recipe, config: Any, kept: int) -> tuple[int, bool]:
    """Most responses that training samples, and whether it may be fewer."""
    group, batch = config.num_generations, config.generation_batch_size
    passes = config.steps_per_generation * config.num_iterations
    plain = round(kept * group * config.num_train_epochs)
    if config.max_steps > 0:
        plain = batch * -(-config.max_steps * config.gradient_accumulation_steps // passes)
    again = recipe.dynamic_sampling.rounds if recipe.dynamic_sampling.enabled else 0
    shuffled = (group + 1) // 2 if recipe.t_grpo.enabled else 0  # Of videos; which rows are is not looked up.
    times = 1 + again + Fraction(shuffled, group)
    most = ceil(plain * times)
    if recipe.max_rollouts is not None:  # The step that comes to it is taken whole.
        step = batch * (config.gradient_accumulation_steps // gcd(passes, config.gradient_accumulation_steps))
        unit = 1 if times > 1 else batch
        most = min(most, (recipe.max_rollouts - 1) // unit * unit + ceil(step * times))
    return most, times > 1 or most < plain


def remedy(
    recipe: Recipe, sizes: ModelSizes, machine: Machine, row: Longest, *, rows: int, disk: int
) -> Sequence[str] | None:
    """Settings that make a training fit, found one after the other, or in twos where no single one helps.

    Returns:
        As they are written on the command line; `None` where those that are tried are not enough.
    """

    def planned(change: _Change) -> Plan | None:
        try:
            return plan_training(change.recipe, sizes, change.machine, change.row, rows=rows, disk=disk)
        except UsageError:  # Settings that do not fit together, such as a batch that holds one prompt.
            return None

    state = _Change(texts=(), recipe=recipe, machine=machine, row=row)
    left = planned(state)
    while left is not None and left.excess():
        for changes in (list(_changes(state)), [two for one in _changes(state) for two in _changes(one)]):
            tried = [(change, plan) for change in changes if (plan := planned(change)) is not None]
            best, least = min(tried, key=lambda one: one[1].excess(), default=(state, left))  # The first of equals.
            if least.excess() < left.excess():
                break
        else:
            return None
        state, left = best, least
    return state.texts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A training with settings that were changed, as they are written on the command line."""

    texts: Sequence[str]
    recipe: Recipe
    machine: Machine
    row: Longest


def _changes(state: _Change) -> Iterator[_Change]:
    """What may be changed of a training, what costs least first."""
    recipe, machine, row = state.recipe, state.machine, state.row
    train = recipe.train

    def changed(text: str, **parts: Any) -> _Change:
        return replace(state, texts=[*state.texts, text], recipe=recipe.model_copy(update=parts))

    def with_train(**given: Any) -> _Change:
        words = {key: str(value).lower() if isinstance(value, bool) else value for key, value in given.items()}
        return changed(" ".join(f"train.{key}={value}" for key, value in words.items()), train={**train, **given})

    if train.get("use_vllm") and train.get("vllm_mode") == "colocate":
        if not train.get("vllm_enable_sleep_mode"):
            yield with_train(vllm_enable_sleep_mode=True)
        for share in _SHARES:
            yield with_train(vllm_gpu_memory_utilization=share)
    if train.get("gradient_checkpointing") is False:
        yield with_train(gradient_checkpointing=True)
    batch, passes = train.get("per_device_train_batch_size", 8), train.get("gradient_accumulation_steps", 1)
    while batch > 1 and batch % 2 == 0:
        batch, passes = batch // 2, passes * 2
        yield with_train(per_device_train_batch_size=batch, gradient_accumulation_steps=passes)
    if machine.sharding == "none" and machine.gpus > 1 and not _asks_the_model(recipe):
        divided = replace(machine, sharding="zero3", launch="zero3")
        yield replace(state, texts=[*state.texts, "--launch zero3"], machine=divided)
    pixels = (recipe.data.max_pixels or 0) // 2
    if row.visual and pixels >= _PIXELS:
        half = recipe.data.model_copy(update={"max_pixels": pixels})
        shorter = replace(row, prompt=row.prompt - row.visual // 2, visual=row.visual // 2)
        yield replace(changed(f"data.max_pixels={pixels}", data=half), row=shorter)
    if not recipe.lora.rank:
        yield changed("lora.rank=32", lora=recipe.lora.model_copy(update={"rank": 32}))
    elif not train.get("bits"):
        yield with_train(bits=4)


def _asks_the_model(recipe: Recipe) -> bool:
    """Whether the model is asked while it is trained, so that its weights may not be divided."""
    return recipe.eval.every_steps is not None or (recipe.needs_judge and recipe.judge.model == POLICY)


def told(plan: Plan, advice: Sequence[str] | None) -> str:
    """The plan in words: a table of the first GPU, notes, and whether it fits."""
    machine = plan.machine
    where = f"{machine.gpus} GPU{'s' if machine.gpus > 1 else ''}" if machine.on_gpu else "this machine's CPU"
    size = f" of {machine.memory / GIB:.0f} GiB" if machine.memory is not None else ""
    launched = f", {machine.sharding} ({machine.launch})" if machine.launch else ""
    lines = [f"# memory of each process: {where}{size}{launched}", f"{'':<42}{'sampling':>12}{'updating':>12}"]
    lines += [f"{item.name:<42}{_size(item.sampling):>12}{_size(item.updating):>12}" for item in plan.items]
    lines.append(f"{'together':<42}{_size(plan.sampling):>12}{_size(plan.updating):>12}")
    lines += plan.notes
    if machine.memory is None:
        return "\n".join([*lines, "whether it fits: give --gpus and --gpu-memory"])
    lines += [f"does not fit: {problem}." for problem in plan.problems]
    if plan.excess():
        lines.append(
            f"it fits with: {' '.join(advice)}" if advice else "no setting that was tried makes it fit: use more GPUs"
        )
    elif not plan.problems:
        lines.append(
            f"it fits: {(machine.memory - max(plan.sampling, plan.updating)) / GIB:.1f} GiB of each GPU stay free"
        )
    return "\n".join(lines)


def _size(amount: int) -> str:
    return f"{amount / GIB:.2f} GiB" if amount >= GIB // 4 else f"{amount / 2**20:.1f} MiB"
