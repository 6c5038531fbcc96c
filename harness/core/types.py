"""What travels between the rooms: frozen records of samples, responses, verdicts, metrics and runs.

`None` always means "not known" or "not applicable", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

SCHEMA_VERSION = 3

AnswerKind = Literal["yes_no", "choice", "open", "caption"]
"""`caption`: a description, of which counts what it names; all others have one answer."""
CLOSED: Final[tuple[AnswerKind, ...]] = ("yes_no", "choice")
"""Kinds of questions whose answers are a few words or letters."""
MediaKind = Literal["image", "video"]
PromptFormat = Literal["direct", "think", "grounded"]
Status = Literal["correct", "incorrect", "unanswered", "not_understood", "error"]
Scale = Literal["share", "number"]

NEEDS_JUDGE: Final = "needs a judge"
"""`Verdict.reason` of an answer that the rules cannot settle and no judge has settled; it counts wrong."""
JUDGE: Final = "judge"
"""`Verdict.rule` of an answer that the answer judge read or settled; `reason` then says what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A reference to one image or video of a sample; the pixels are opened by `harness.media.images`.

    Attributes:
        kind: `image` or `video`.
        source: where it is, for people: a file path, or `data-set[row].column`.
        size_bytes: its encoded length, which tells a replaced file from the old one; `None` when it is missing.
    """

    kind: MediaKind
    source: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question of a benchmark, with all that scoring needs to know of it.

    Attributes:
        id: stable across runs and machines, unique within `task`.
        task: plain task name.
        subset: part of the benchmark that it belongs to: a split, a subset, a category.
        question: the question as the benchmark words it, without options and without instructions.
        prompt: the full text sent to the model; empty where responses are scored without a model.
        media: images and videos in the order in which they precede the text.
        target: the gold answer: `yes`/`no`, an option letter, the open-ended answer's text, or for a caption what is
            there (`harness.benchmarks.captions`).
        answer_kind: how `target` is to be read.
        choices: option letter to option text, in order; `None` unless `answer_kind` is `choice`, or a yes/no question
            is asked as letters.
        group: samples that are judged together: a pair, the rotations of one question.
        cluster: samples that share an image, a video or a question group and so are not independent;
            standard errors are clustered by it. `None`: the sample is its own cluster.
        attributes: further columns that a metric or a report groups by, e.g. `category`, `kind`.
    """

    id: str
    task: str
    target: str
    answer_kind: AnswerKind
    question: str
    subset: str | None = None
    prompt: str = ""
    media: tuple[Media, ...] = ()
    choices: Mapping[str, str] | None = None
    group: str | None = None
    cluster: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def as_letters(self) -> bool:
        """Whether it is a yes/no question that is asked as options with letters."""
        return self.answer_kind == "yes_no" and self.choices is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the model gave for one sample.

    Attributes:
        sample_id: the sample's id.
        text: the response without special tokens; empty if `error` is set.
        finish_reason: `stop`, or `length` when the token budget cut the response off.
        prompt_tokens: tokens of the expanded prompt, media tokens included.
        visual_tokens: those of them that stand for pixels; `None` where the engine does not tell.
        completion_tokens: generated tokens, the end token included.
        seconds: wall time from submission to the finished response; shared by a batch in batched engines.
        error: why there is no response (`what: detail`), or `None`.
        answer_logprobs: natural log-probabilities that the model gave to the tokens of the answer, at temperature 1;
            `None` where the engine does not tell them or there is no answer.
        batch_size: responses that were generated together, this one included; `None`: the engine has no batches.
        model: who has answered, in a server's words: the reply's `model`, or the checkpoint that a vLLM server says it
            has loaded (`root`); `None`: it does not tell, or the engine has loaded the weights itself.
    """

    sample_id: str
    text: str
    finish_reason: Literal["stop", "length"] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    error: str | None = None
    answer_logprobs: tuple[float, ...] | None = None
    batch_size: int | None = None
    visual_tokens: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one response was judged, twice: what it means (strict) and what the published evaluator says.

    Attributes:
        sample_id: the sample's id.
        answer: the strict reading: `yes`/`no`, an option letter, open text, the objects that a caption names; `None`
            where none was read.
        rule: the rule of `harness.answers` that read it, `judge` where the answer judge did; where there is no answer,
            the rule at which reading stopped. `None` of a task with scoring of its own.
        status: strict verdict. `unanswered` (refused, empty or cut off) and `not_understood` (no rule reads it) count
            wrong, `error` is not scored.
        official: the published evaluator's verdict; `None` where it needs a judge that was not given.
        official_answer: what the published evaluator read, where it reads an answer at all.
        reason: why, in a few words, when the verdict needs explaining; e.g. `needs a judge`, `cut off`.
        scores: the numbers that a task with scoring of its own gave, by the names of its metrics, or what was
            counted in a caption or rated by a judge; empty for benchmarks whose figures follow from the answers.
    """

    sample_id: str
    answer: str | None
    status: Status
    rule: str | None = None
    official: bool | None = None
    official_answer: str | None = None
    reason: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_unsettled(self) -> bool:
        """Whether the rules could not read the answer or tell whether it is right, and no judge did."""
        return self.status == "not_understood" or self.reason == NEEDS_JUDGE

    @property
    def is_disputed(self) -> bool:
        """Whether the strict and the published verdict differ; never for a sample without a response."""
        return self.official is not None and self.official != (self.status == "correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One line of `samples.jsonl`."""

    sample: Sample
    response: Response
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuestion:
    """One question to a judge, which sees no image or video.

    Attributes:
        question: as the benchmark words it, without options and instruction.
        caption: the text to answer from; `None` asks without any.
        answer_kind: how the answer is to be read.
        choices: option letter to text, for multiple choice.
        source: `caption`: answer from it; `reasoning`: say what it concludes.
    """

    question: str
    caption: str | None
    answer_kind: AnswerKind
    choices: Mapping[str, str] | None = None
    source: Literal["caption", "reasoning"] = "caption"


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """What a judge's model is given.

    Attributes:
        user: text of the user's turn.
        begun: how the model's turn begins, for it to go on.
    """

    user: str
    begun: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure with its uncertainty.

    Attributes:
        name: `{part}/{measure}`, e.g. `random/accuracy`, `mean/both`.
        value: the figure, as a share (0 to 1) unless its definition says otherwise; `None` when undefined (0/0).
        stderr: standard error of `value`, clustered; `None` when it cannot be estimated (fewer than two clusters).
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        n: units (samples, pairs or groups) that the figure rests on.
        n_unanswered: samples among them that were scored wrong because they hold no answer.
        n_unsettled: samples among them that were scored wrong because no rule reads or settles the answer.
        n_errors: samples left out because no response could be had.
        if_wrong: what `value` would be if all that are unsettled had been answered wrong (yes/no questions with the
            opposite word); `None` where it would not be another than `if_right`, and of figures about something else
            than right and wrong, such as a bias.
        if_right: what it would be if all of these were right.
        scale: `share` (0 to 1, or a difference of shares), or `number` for points, lengths and counts; `None` where the
            definition does not tell, as of tasks with scoring of their own.
    """

    name: str
    value: float | None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    n_unanswered: int = 0
    n_unsettled: int = 0
    n_errors: int = 0
    if_wrong: float | None = None
    if_right: float | None = None
    scale: Scale | None = None

    @property
    def range(self) -> tuple[float, float] | None:
        """Least and greatest of `if_wrong` and `if_right`; `None` where they are not known."""
        if self.if_wrong is None or self.if_right is None:
            return None
        return min(self.if_wrong, self.if_right), max(self.if_wrong, self.if_right)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMean:
    """A metric that is the mean of its samples' own scores, and so has an interval and a paired test.

    Attributes:
        score: its name among `Verdict.scores`.
        high: greatest possible score, the least being 0: the least of 1, 5, 10 and 100 that none of a run's is above,
            since tasks do not tell it; `None` where scores lie outside all of these.
        better: whether a higher value is better (1) or a lower one (-1).
    """

    score: str
    high: float | None
    better: Literal[-1, 1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """The figures of one task in one run.

    Attributes:
        task: plain task name.
        headline: name of the metric that stands for the task.
        metrics: strict metrics by name.
        official: the published evaluator's value by the same names; `None` where it needs a judge.
        unanswered: samples whose response is refused, empty or cut off before it holds an answer; counted wrong.
        truncated: samples cut off by the token budget.
        errors: samples without a response.
        disagreements: samples on which strict and official verdict differ.
        not_understood: samples whose response no rule reads, and no judge did; counted wrong.
        undecided: samples whose open answer was read, but is neither right nor wrong by the rules, and no judge said
            which; counted wrong.
        samples: all samples of the task in this run.
        baselines: the headline of constant responses to the same questions, e.g. of `always yes`; `None`: undefined.
        means: of a task with scoring of its own, those of its metrics that are means of scores; `None` for benchmarks.
    """

    task: str
    headline: str
    metrics: Mapping[str, Metric]
    official: Mapping[str, float | None]
    unanswered: int
    truncated: int
    errors: int
    disagreements: int
    samples: int
    not_understood: int = 0
    undecided: int = 0
    baselines: Mapping[str, float | None] = field(default_factory=dict)
    means: Mapping[str, ScoreMean] | None = None

    @property
    def unsettled(self) -> int:
        """Samples that a judge could settle: those not understood, and those undecided."""
        return self.not_understood + self.undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often the answer judge reads what the rules read, over a random sample of one kind of question.

    Attributes:
        value: share of the sample on which they agree; `None` where the judge said nothing.
        low: lower end of the 95 % interval (Clopper and Pearson's).
        high: upper end of the 95 % interval.
        n: answers that the share is of.
        failures: further answers that were drawn, on which the judge failed; they do not count.
        read: all answers of this kind that rules read and settled.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    failures: int
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An answer that the rules read one way and the answer judge another.

    Attributes:
        task: plain task name.
        sample_id: the sample's id.
        rule: the rule that read it.
        read: what it read.
        judge: what the judge read, or says of it.
    """

    task: str
    sample_id: str
    rule: str
    read: str
    judge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The reading audit: the error of the rules that read answers, as the answer judge sees it.

    Attributes:
        wanted: answers of each kind of question that were to be drawn.
        kinds: agreement by kind of question.
        disagreements: all of them.
    """

    wanted: int
    kinds: Mapping[str, Agreement]
    disagreements: Sequence[Disagreement]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFacts:
    """What leaderboards and pages need to know of a benchmark where only its runs are at hand.

    Attributes:
        title: its name as its authors write it.
        headline_title: its headline in words; empty: the metric's name has to do.
        citation: where it was published; empty when not known.
        media: what its questions are about; with `video` the number of frames matters. `None`: not known.
        has_open_answers: whether some are open.
        hallucination: whether wrong answers are hallucinations.
        clusters_share_media: whether samples of one cluster show the same media.
        telling: metrics that explain a difference of the headline, in words, in the order in which they are told.
        asks_as: name of the benchmark whose questions it asks, if it judges another's.
        own_data: whether the questions are others than those that were published under the benchmark's name.
    """

    title: str
    headline_title: str = ""
    citation: str = ""
    media: MediaKind | None = None
    has_open_answers: bool = True
    hallucination: bool = False
    clusters_share_media: bool = False
    telling: Mapping[str, str] = field(default_factory=dict)
    asks_as: str | None = None
    own_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """`run.json`: what was run, on what, with what result. Written last, when the run is complete.

    Attributes:
        schema_version: version of the run folder's layout.
        id: name of the run.
        model: the checkpoint as the user named it.
        weights: fingerprint of the weights' content (`sha256:...`); `None` for a model behind an API.
        engine: `hf`, `vllm`, `api` or `replay`; or the other harness whose log was scored.
        prompt_format: `direct`, `think`, `grounded`, or `NAME@DIGEST` of a user's format, which `settings` hold, each
            maybe with `-letters`; `own` where all tasks have prompts of their own, as those of lmms-eval.
            Where only some have, `settings` say it of each (see `harness.runs.asked.prompt_of`).
        decoding: temperature, top_p, max_new_tokens, and what else decides the tokens.
        seed: of sampling and of `--limit`'s choice.
        data: task to `{source, count, digest}` of the samples that were asked.
        judge: identity of the judge, or `None`.
        versions: package name to version.
        git_commit: commit of the harness, if it runs from a checkout.
        started: ISO 8601, UTC.
        seconds: wall time of the run, all its resumptions added up.
        batch_size: most responses that were generated together, whatever was asked for; `None`: there are no batches.
        settings: everything that must be equal for two runs to be one (see `harness.runs.folder`).
        tasks: results by task name.
        benchmarks: what is known of each task.
        audit: of the reading; `None` where no judge was asked.
        training: of a checkpoint that `harness train` made: digests of its `recipe` (but for the seed) and its `data`,
            its `seed` and its `step`; `None` where that is not known.
        seal: digest of all of this and of the samples (see `harness.runs.seals`), given as the record is written.
    """

    id: str
    model: str
    weights: str | None
    engine: str
    prompt_format: str
    decoding: Mapping[str, Any]
    seed: int
    data: Mapping[str, Mapping[str, Any]]
    judge: str | None
    versions: Mapping[str, str]
    git_commit: str | None
    started: str
    seconds: float
    settings: Mapping[str, Any]
    tasks: Mapping[str, TaskResult]
    benchmarks: Mapping[str, BenchmarkFacts]
    audit: Audit | None = None
    training: Mapping[str, Any] | None = None
    batch_size: int | None = None
    seal: str | None = None
    schema_version: int = SCHEMA_VERSION
