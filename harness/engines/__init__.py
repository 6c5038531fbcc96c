"""Models behind one protocol: requests in, responses out.

An engine is named in `ENGINES` as `module:Class` and imported when it is asked for, so that a machine needs only the
packages of the engine that it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_type_hints

from harness.core.errors import UsageError
from harness.core.plugins import load_plugin, plugins, refuse_own_names
from harness.core.types import Media, Response
from harness.engines.contrasts import Contrast

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.engines.checkpoints import Checkpoint
    from harness.media.videos import Video

ENGINES: Final[Mapping[str, str]] = {
    "hf": "harness.engines.hf:HfEngine",
    "vllm": "harness.engines.vllm:VllmEngine",
    "api": "harness.engines.api:ApiEngine",
    "replay": "harness.engines.replay:ReplayEngine",
}


_DTYPES: Final = ("bfloat16", "float16", "float32", "auto")

VideoAs = Literal["native", "frames"]
"""How a model is shown a video: as one, or as an image a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """What decides the tokens of a response, beside model and prompt.

    Attributes:
        max_new_tokens: token budget of one response; a response that reaches it is cut off.
        temperature: 0 is greedy.
        top_p: nucleus mass, only used when `temperature` is above 0.
        top_k: how many of the most probable tokens are drawn from, before `top_p`; 0: all.
        repetition_penalty: divides the positive logits of tokens that are there already, prompt included, and
            multiplies the negative ones (Keskar et al. 2019, arXiv 1909.05858); 1 leaves them.
        seed: of sampling.
        logprobs: tell the log-probabilities of the answer, where the engine can; they decide no tokens.
        contrast: choose tokens by what the image adds (`hf` alone); `None`: do not. A prompt without media is answered
            as if it were `None`.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int = 0
    logprobs: bool = True
    contrast: Contrast | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one response, the end token included.

    Attributes:
        ids: [T], their ids; `None` where a server does not tell them.
        logprobs: [T], natural log-probability that the model gave to each at temperature 1.
    """

    ids: tuple[int, ...] | None
    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One sample as an engine sees it.

    Attributes:
        task: plain task name; `(task, sample_id)` is unique in a run.
        sample_id: the sample's id.
        prompt: text of the user's turn, after its media.
        media: references, in order; for messages and for engines that send files.
        open_media: opens the pixels of `media`, in order. Raises `MediaError` for this sample alone.
        max_new_tokens: overrides the run's token budget for this request; `None` keeps it.
        system: text of a system's turn before it; `None`: there is none, or the chat template has its own.
        n: responses wanted, all from one submission; above 1 only when sampling. Response `i` is drawn with the seed
            of the request plus `i`, where the engine draws by seed.
        finished: the response is stored already. An engine whose output depends on the composition of a batch may
            generate it again to keep the batch as it was; any other engine skips it.
        observe: is given the tokens of each response before it is yielded, from any thread, by an engine that knows
            them, if log-probabilities are wanted.
    """

    task: str
    sample_id: str
    prompt: str
    media: tuple[Media, ...]
    open_media: Callable[[], Sequence[Image | Video]]
    max_new_tokens: int | None = None
    system: str | None = None
    n: int = 1
    finished: bool = False
    observe: Callable[[Tokens], None] | None = None


class Engine(Protocol):
    """Generates responses to a stream of requests."""

    name: str

    def describe(self) -> Mapping[str, Any]:
        """Settings of the engine that can change its output (precision, device, pixel budget).

        Known before `load`: two sessions of one run must agree on them.
        """
        ...

    @property
    def video_as(self) -> VideoAs | None:
        """How the model is shown videos; `None`: not known. Known before `load`, of which it may do a part.

        Raises:
            HarnessError: the family does not take videos as the settings say, or the checkpoint does not tell.
        """
        ...

    def load(self) -> None:
        """Load the model.

        Raises:
            ModelError: the engine cannot load this checkpoint.
        """
        ...

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield each request with a response as soon as it is finished, in any order, `n` times each request.

        A sample that fails (unreadable media, a prompt that does not fit) yields a response with `error` set, in place
        of each response that it could not have. Raises `EngineError` only when no further request can be served, and
        `UsageError` when several responses of a request are wanted without sampling.
        """
        ...

    def close(self) -> None:
        """Free the model. Idempotent."""
        ...


def failed(request: Request, error: str) -> Response:
    """The response of a request that has none."""
    return Response(sample_id=request.sample_id, text="", error=error)


def check_dtype(dtype: str) -> None:
    """Refuse a precision that no engine has.

    Raises:
        UsageError: there is none of that name.
    """
    if dtype not in _DTYPES:
        raise UsageError(f"dtype {dtype!r} does not exist. Choose one of: {', '.join(_DTYPES)}.")


def check_positive(settings: Mapping[str, float | None]) -> None:
    """Look at settings by the names that the user knows them by; `None` is not given.

    Raises:
        UsageError: one is not above 0.
    """
    for name, value in settings.items():
        if value is not None and not value > 0:  # Nor is what is no number.
            raise UsageError(f"{name} {value} is not a positive number.")


def checked(requests: Iterable[Request], decoding: Decoding) -> Iterator[Request]:
    """The requests, each looked at when its turn comes.

    Raises:
        UsageError: a request wants no response, or several without sampling, which would all be the same.
    """
    for request in requests:
        if request.n < 1:
            raise UsageError(f"sample {request.sample_id!r} asks for {request.n} responses; ask for at least one.")
        if request.n > 1 and decoding.temperature <= 0:
            raise UsageError(
                f"{request.n} responses of one prompt are the same text at temperature 0: set --temperature above 0."
            )
        yield request


def vllm_is_usable() -> bool:
    """Whether vLLM is installed and there is a GPU for it; on CPU it is used when it is asked for."""
    if find_spec("vllm") is None:
        return False
    import torch

    return torch.cuda.is_available()


def check_vllm(user: str) -> None:
    """Refuse what runs on vLLM where that is not installed.

    Args:
        user: what it is, for the error.

    Raises:
        UsageError: vLLM is not installed.
    """
    if find_spec("vllm") is None:
        raise UsageError(f"{user} needs the package 'vllm', which is not installed. See 'harness doctor'.")


def check_engine(name: str) -> None:
    """Refuse an engine that is neither the harness's own nor an installed package's.

    Raises:
        UsageError: there is none of that name.
    """
    refuse_own_names("engines", ENGINES)
    known = [*ENGINES, *plugins("engines")]
    if name not in known:
        raise UsageError(f"engine {name!r} does not exist. Choose one of: {', '.join(known)}, auto.")


def make_engine(name: str, checkpoint: Checkpoint, options: Mapping[str, Any], **given: Any) -> Engine:
    """Make the engine `name` for a checkpoint, its settings checked, its model not loaded yet.

    Args:
        name: a key of `ENGINES`, or the name of an installed package's.
        checkpoint: the resolved checkpoint.
        options: settings of this engine, its keyword-only arguments; others are the user's mistake.
        **given: other arguments of it, which are no settings.

    Raises:
        UsageError: no engine of that name, a package that it needs is missing, or a setting is of another type or out
            of range.
    """
    check_engine(name)
    if name in ENGINES:
        module_name, class_name = ENGINES[name].split(":")
        try:
            engine_class = getattr(import_module(module_name), class_name)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"engine {name!r} needs the package {error.name!r}, which is not installed. See 'harness doctor'."
            ) from error
    else:
        engine_class = load_plugin(plugins("engines")[name], "engines")
    known = [
        option for option, item in signature(engine_class).parameters.items() if item.kind is Parameter.KEYWORD_ONLY
    ]
    if "engine_args" not in known:  # Only vLLM's is handed them on.
        options = {**options, **options.get("engine_args", {})}
        options.pop("engine_args", None)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(f"engine {name!r} has no setting {unknown[0]!r}. It has: {', '.join(known) or 'none'}.")
    kinds = _types_of(engine_class)
    for option, value in options.items():
        _check_type(name, option, value, kinds.get(option, Any))
    engine: Engine = engine_class(checkpoint, **given, **options)
    return engine


def _types_of(engine_class: Any) -> Mapping[str, Any]:
    try:
        return get_type_hints(engine_class.__init__)
    except NameError:  # Those of a package may be known to a type checker alone.
        return {}


def _check_type(name: str, option: str, value: Any, kind: Any) -> None:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:
        TypeAdapter(tuple[kind], config=ConfigDict(strict=True, arbitrary_types_allowed=True)).validate_python((value,))
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"setting {option!r} of engine {name!r} is {value!r}: {said}.") from error
