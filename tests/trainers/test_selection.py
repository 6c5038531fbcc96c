"""Selection by variance: the belief by hand, what rollouts are spent on, and a selection that is killed and goes on."""

import json
import threading
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from support_selection import simulate
from support_training import write_seen_rows
from torch.distributed import HashStore

from harness.core.errors import DataError, ModelError, StoreError
from harness.core.types import Response, Sample
from harness.engines import Decoding
from harness.engines.checkpoints import resolve_checkpoint
from harness.evaluation.ranks import OtherRankStoppedError, Ranks
from trainers.data.schema import Example, read_examples
from trainers.recipe import load_recipe
from trainers.rewards.functions import Reward
from trainers.selection.decision import (
    categorise,
    choose,
    count_levels,
    expected_variance,
    undecided,
)
from trainers.selection.right import right_responses
from trainers.selection.rollouts import Selection, select, take_part
from trainers.settings import SelectionSettings


@pytest.mark.parametrize("wanted", [None, "frames"])
def test_rollouts_see_videos_as_training_does(wanted, tmp_path, monkeypatch):
    from trainers.assembly import show_rows
    from trainers.data.loading import read_training
    from trainers.models import load_processor
    from trainers.selection import stage

    given = []
    monkeypatch.setattr(stage, "select", lambda *what, **_: given.append(what))
    file = write_seen_rows(tmp_path / "rows")
    examples = read_training(file, file.parent, limit=None, require_response=False)
    chosen = [] if wanted is None else [f"data.video_as={wanted}"]
    recipe = load_recipe("demo/method", [f"output={tmp_path / 'out'}", "rewards.caption=0", *chosen])
    checkpoint = resolve_checkpoint("demo")
    images = [example for example in examples if all(media.kind == "image" for media in example.sample.media)]
    for rows in (examples, images):
        stage.select_rows(recipe, checkpoint, rows, file.parent, tmp_path / "out", None, fresh=False)
    trained = show_rows(recipe, checkpoint, load_processor(checkpoint, None), file.parent).video_as
    assert trained == (wanted or "native")
    assert [engine.video_as for _, engine, _ in given] == [trained, trained]
    assert [selection.settings["video_as"] for selection, *_ in given] == [trained, None]


def test_levels_are_counted():
    values, counts = count_levels([[0.0, 1.0, 1.0], [], [0.1, 0.1]])
    assert values.tolist() == [0.0, 0.1, 1.0]
    assert counts.tolist() == [[1, 0, 2], [0, 0, 0], [0, 2, 0]]
    assert count_levels([[2.0], [2.0]])[0].tolist() == [2.0, 3.0]
    assert count_levels([[], []])[1].shape == (2, 2)


def test_many_levels_are_merged():
    rng = np.random.default_rng(0)
    rewards = rng.random((50, 20))
    values, counts = count_levels(rewards.tolist(), max_levels=8)
    assert len(values) == 8
    assert counts.sum(1).tolist() == [20] * 50
    merged = counts / 20 @ values
    assert np.abs(merged - rewards.mean(1)).max() < 0.06


def test_expected_variance_is_that_of_jeffreys_posterior():
    values, counts = np.array([0.0, 1.0]), np.array([[3.0, 5.0], [8.0, 0.0]])
    # Beta(a, b) with a = 5.5, b = 3.5: ab / ((a + b)(a + b + 1)).
    assert expected_variance(values, counts)[0] == pytest.approx(5.5 * 3.5 / (9 * 10))
    assert expected_variance(values, counts)[1] == pytest.approx(0.5 * 8.5 / (9 * 10))
    # Scaled rewards scale the variance by the square.
    assert expected_variance(2 * values, counts)[0] == pytest.approx(4 * 5.5 * 3.5 / (9 * 10))


def test_only_prompts_near_the_cut_stay_open():
    values = np.array([0.0, 1.0])
    counts = np.array([[64.0, 0.0], [32.0, 32.0], [6.0, 2.0], [0.0, 64.0], [7.0, 1.0], [30.0, 34.0]])
    still = undecided(values, counts, keep=0.5, tolerance=0.01, rng=np.random.default_rng(0))
    assert still.tolist() == [False, False, True, False, True, False]


def test_choose_takes_the_highest_and_breaks_ties_by_order():
    assert choose(np.array([0.1, 0.2, 0.2, 0.2]), 0.5).tolist() == [False, True, True, False]


def test_categories():
    categories = categorise(np.array([0.9, 0.5, 0.2]), np.array([False, True, False]), 0.0, 1.0)
    assert categories == ["easy", "medium", "hard"]


def test_adaptive_rollouts_keep_the_variance_on_u_shaped_prompts():
    rng = np.random.default_rng(1)
    probability = rng.beta(0.5, 0.5, 3000)

    def draw(which, count):
        return (rng.random((len(which), count)) < probability[which, None]).astype(float)

    chosen, spent = simulate(draw, 3000, SelectionSettings(), np.random.default_rng(0))
    variance = probability * (1 - probability)
    kept = variance[chosen].sum() / variance[choose(variance, 0.5)].sum()
    assert kept >= 0.985
    assert spent.mean() <= 30
    _, fixed = simulate(draw, 3000, SelectionSettings(fixed=64), np.random.default_rng(0))
    assert set(fixed.tolist()) == {64}


class FakeEngine:
    """Answers right with a chance that the prompt's number decides; dies after a number of responses if told to."""

    name = "fake"

    def __init__(self, dies_after=None):
        self.loads, self.closed, self.asked = 0, 0, []
        self._left = dies_after

    def load(self):
        self.loads += 1

    def close(self):
        self.closed += 1

    def generate(self, requests, decoding):
        """Responses of two requests at a time, in turns, so that those of one do not come together."""
        waiting = [request for request in requests if not request.finished]
        for start in range(0, len(waiting), 2):
            pair = waiting[start : start + 2]
            self.asked += [(request.sample_id, request.n) for request in pair]
            for row in range(max(request.n for request in pair)):
                for request in pair:
                    if row < request.n:
                        yield request, self._answer(request, row, decoding)

    def _answer(self, request, row, decoding):
        if self._left is not None:
            if self._left == 0:
                raise KeyboardInterrupt
            self._left -= 1
        prompt, first = (int(part) for part in request.sample_id.split("#"))
        right = np.random.default_rng([decoding.seed, prompt, first, row]).random() < prompt / 9
        error = "media: broken" if prompt == 4 else None
        return Response(sample_id=request.sample_id, text="" if error else str(right), error=error)


def read_rollouts(folder):
    return [json.loads(line) for line in (folder / "rollouts.jsonl").read_text().split("\n")[:-1]]


def plan(**changes):
    samples = [
        Sample(id=str(number), task="train", target="yes", answer_kind="yes_no", question=f"question {number}?")
        for number in range(10)
    ]
    reward = Reward(
        name="right",
        weight=2.0,
        score=lambda samples, responses: [None if r.error else float(r.text == "True") for r in responses],
    )
    arguments = {
        "examples": [Example(sample=sample) for sample in samples],
        "root": None,
        "prompt_format": "direct",
        "num_frames": 1,
        "rounds": SelectionSettings(first=4, step=4, most=16),
        "decoding": Decoding(max_new_tokens=4, temperature=1.0, seed=5),
        "rewards": [reward],
        "settings": {"weights": "w", "seed": 5},
    }
    return Selection(**(arguments | changes))


def test_selection_writes_statistics_rows_and_plot(tmp_path):
    engine = FakeEngine()
    statistics = select(plan(), engine, tmp_path)
    assert (engine.loads, engine.closed) == (1, 1)
    assert statistics[4].mean is None
    assert statistics[4].category is None
    chosen = [item.id for item in statistics if item.selected]
    assert len(chosen) == 4  # Half of the nine that have rewards.
    assert {"0", "9"}.isdisjoint(chosen)
    assert statistics[9].category == "easy"
    assert statistics[0].category == "hard"
    assert [example.sample.id for example in read_examples(tmp_path / "selected.jsonl")] == chosen
    lines = [json.loads(line) for line in (tmp_path / "selection.jsonl").read_text().splitlines()]
    assert len(lines) == 10
    assert lines[9]["mean"] == 2.0
    rollouts = [json.loads(line) for line in (tmp_path / "rollouts.jsonl").read_text().splitlines()]
    assert rollouts[0].keys() == {
        "id",
        "number",
        "total",
        "parts",
        "finish_reason",
        "error",
        "text",
        "completion_tokens",
    }
    assert (tmp_path / "selection.svg").read_text().startswith("<svg")


def test_right_responses_are_the_first_distinct_ones_that_ended(tmp_path):
    def line(number, text, accuracy, caption=0.0, prompt="b", ended="stop"):
        parts = {"accuracy": accuracy, "caption": caption}
        return {"id": prompt, "number": number, "total": accuracy, "parts": parts, "text": text, "finish_reason": ended}

    lines = [
        line(3, "three", 1.0), line(0, "zero", 0.0), line(1, "one", None), line(2, "two ", 1.0, 1.0),
        line(4, "two", 1.0), line(5, "cut", 1.0, ended="length"), line(6, "six", 1.0, 1.0),
        line(0, "a", 0.4, prompt="a"), line(1, "one", 1.0, None), line(0, "", 1.0, prompt="c"), line(7, "half", 0.5),
    ]  # fmt: skip
    file = tmp_path / "rollouts.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in lines))
    sample = Sample(id="b", task="train", target="yes", answer_kind="yes_no", question="?")
    examples = [Example(sample=replace(sample, id=name), response="given") for name in "cba"]
    rows, cost = right_responses(examples, file, per_prompt=3)
    assert [(row.sample.id, row.response) for row in rows] == [("b#1", "one"), ("b#2", "two"), ("b#3", "three")]
    assert cost == {"rollouts": 10, "right": 5, "rows": 3, "prompts": 1}
    rows, cost = right_responses(examples, file, captions=True)
    assert [row.sample.id for row in rows] == ["b#2", "b#6"]
    assert cost["rollouts"] == 10
    with pytest.raises(DataError, match="none of 10 responses earned all of accuracy"):
        right_responses(examples[:1], file)


def test_a_prompt_is_asked_for_all_that_it_needs_at_once(tmp_path):
    engine = FakeEngine()
    select(plan(), engine, tmp_path)
    first, later = engine.asked[:10], engine.asked[10:]
    assert first == [(f"{prompt}#0", 4) for prompt in range(10)]
    assert later
    assert all(n == 4 and int(name.split("#")[1]) % 4 == 0 for name, n in later)
    fixed = FakeEngine()
    select(plan(rounds=SelectionSettings(fixed=64)), fixed, tmp_path / "fixed")
    assert fixed.asked == [(f"{prompt}#0", 64) for prompt in range(10)]
    rollouts = [json.loads(line) for line in (tmp_path / "fixed" / "rollouts.jsonl").read_text().splitlines()]
    assert sorted(row["number"] for row in rollouts if row["id"] == "3") == list(range(64))


@pytest.mark.parametrize("dies_after", [3, 41, 45, 70])
def test_a_killed_selection_goes_on_to_the_same_end(dies_after, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.selection.rollouts._SCORED_TOGETHER", 8)
    rounds = SelectionSettings(first=4, step=4, most=16, tolerance=0.001)
    whole = select(plan(rounds=rounds), FakeEngine(), tmp_path / "whole")
    killed = FakeEngine(dies_after=dies_after)
    with pytest.raises(KeyboardInterrupt):
        select(plan(rounds=rounds), killed, tmp_path / "killed")
    stored = (tmp_path / "killed" / "rollouts.jsonl").read_text()
    (tmp_path / "killed" / "rollouts.jsonl").write_text(stored + '{"id": "3", "num')  # Torn by the kill.
    engine = FakeEngine()
    assert select(plan(rounds=rounds), engine, tmp_path / "killed") == whole
    known = {f"{r['id']}#{r['number']}" for r in map(json.loads, stored.splitlines())}
    assert not {name for name, _ in engine.asked} & known
    assert (dies_after < 8) == (not known)
    one, other = (sorted((tmp_path / name / "rollouts.jsonl").read_text().splitlines()) for name in ("whole", "killed"))
    assert one == other
    again = FakeEngine()
    assert select(plan(rounds=rounds), again, tmp_path / "killed") == whole
    assert (again.loads, again.asked) == (0, [])


def select_together(what, engines, folder):
    """Rank 0's part here, those of the others in threads; they stop where it does, having stored their shares."""
    store = HashStore()
    ranks = [Ranks(rank=rank, size=len(engines), store=store) for rank in range(len(engines))]

    def work(rank):
        with suppress(OtherRankStoppedError):
            take_part(what, engines[rank.rank], folder, rank)

    threads = [threading.Thread(target=work, args=[rank]) for rank in ranks[1:]]
    for thread in threads:
        thread.start()
    try:
        return select(what, engines[0], folder, ranks=ranks[0])
    except KeyboardInterrupt:
        store.wait([f"answered-0/{rank.rank}" for rank in ranks[1:]])
        raise
    finally:
        store.set("harness/stopped", "0 1")
        for thread in threads:
            thread.join()
        for rank in reversed(ranks):
            rank.close(goes_on=True)


def test_a_killed_selection_goes_on_with_another_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.selection.rollouts._SCORED_TOGETHER", 4)
    monkeypatch.setattr("harness.evaluation.ranks._BEAT_S", 0.02)
    rounds = SelectionSettings(first=4, step=4, most=16, tolerance=0.001)
    whole = select(plan(rounds=rounds), FakeEngine(), tmp_path / "whole")
    killed = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        select_together(plan(rounds=rounds), [FakeEngine(dies_after=9), FakeEngine()], killed)
    assert (killed / "rollouts.jsonl").stat().st_size > 0
    assert (killed / "rollouts.rank-1.jsonl").stat().st_size > 0
    engines = [FakeEngine() for _ in range(3)]
    assert select_together(plan(rounds=rounds), engines, killed) == whole
    assert all(engine.asked for engine in engines)
    assert [engine.closed for engine in engines] == [1, 1, 1]
    one, other = ({path.name: path.read_bytes() for path in of.iterdir()} for of in (tmp_path / "whole", killed))
    assert one == other


def test_what_a_crash_left_of_a_request_is_kept_and_the_rest_asked(tmp_path):
    select(plan(), FakeEngine(), tmp_path)
    lines = (tmp_path / "rollouts.jsonl").read_text().splitlines(keepends=True)
    lost = next(place for place, line in enumerate(lines) if json.loads(line)["id"] == "3")
    (tmp_path / "rollouts.jsonl").write_text("".join(lines[:lost] + lines[lost + 2 :]))
    engine = FakeEngine()
    select(plan(), engine, tmp_path)
    assert engine.asked == [("3#0", 2)]
    rows = [json.loads(line) for line in (tmp_path / "rollouts.jsonl").read_text().splitlines()]
    numbers = sorted(row["number"] for row in rows if row["id"] == "3")
    assert numbers == list(range(len(numbers)))


class Judged:
    """Rewards as in `plan`, of which a part is lacking while a judge is down; an outage is noticed late, or never."""

    def __init__(self, *, fails_from=0, raises_from=None):
        self.calls, self.fails_from, self.raises_from = 0, fails_from, raises_from

    def rewards(self):
        tokens = Reward(
            name="tokens", weight=0.0, score=lambda samples, responses: [r.completion_tokens for r in responses]
        )
        return [tokens, Reward(name="right", weight=2.0, score=self.score)]

    def score(self, samples, responses):
        self.calls += 1
        if self.raises_from is not None and self.calls >= self.raises_from:
            raise ModelError("the judge did not answer in 3 batches in a row")
        down = self.fails_from is not None and self.calls > self.fails_from
        return [None if down or r.error else float(r.text == "True") for r in responses]

    def check(self):
        raise ModelError("the judge does not answer")


@pytest.mark.parametrize("outage", [{"fails_from": 0}, {"fails_from": 2}, {"fails_from": 3, "raises_from": 5}])
def test_an_outage_of_the_judge_loses_nothing(outage, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.selection.rollouts._SCORED_TOGETHER", 8)
    monkeypatch.setattr(FakeEngine, "_answer", with_tokens(FakeEngine._answer))
    rounds = SelectionSettings(first=4, step=4, most=16, tolerance=0.001)
    judge = Judged(fails_from=None)
    whole = select(plan(rounds=rounds, rewards=judge.rewards()), FakeEngine(), tmp_path / "whole")
    down = Judged(**outage)
    with pytest.raises(ModelError, match="the judge d"):
        select(plan(rounds=rounds, rewards=down.rewards(), check=down.check), FakeEngine(), tmp_path / "down")
    stored = read_rollouts(tmp_path / "down")
    lacking = [r for r in stored if r["total"] is None and r["error"] is None]
    assert lacking
    assert all(r["text"] and r["parts"] == {"tokens": 7, "right": None} for r in lacking)
    assert not (tmp_path / "down" / "selection.jsonl").exists()
    idle = FakeEngine()
    with pytest.raises(ModelError, match="does not answer"):  # Still down: nothing is generated, nothing decided.
        select(plan(rounds=rounds, rewards=Judged().rewards(), check=down.check), idle, tmp_path / "down")
    assert idle.asked == []
    assert read_rollouts(tmp_path / "down") == stored
    back, engine = Judged(fails_from=None), FakeEngine()
    assert select(plan(rounds=rounds, rewards=back.rewards(), check=back.check), engine, tmp_path / "down") == whole
    assert not {f"{r['id']}#{r['number']}" for r in stored} & {name for name, _ in engine.asked}
    last = {(r["id"], r["number"]): r for r in read_rollouts(tmp_path / "down")}
    assert last == {(r["id"], r["number"]): r for r in read_rollouts(tmp_path / "whole")}


def with_tokens(answer):
    def changed(self, *arguments):
        return replace(answer(self, *arguments), completion_tokens=7)

    return changed


def test_what_a_judge_that_answers_cannot_judge_is_asked_twice_and_does_not_count(tmp_path, capsys):
    scored = []

    def score(samples, responses):
        scored.extend(sample.id for sample in samples)
        return [None if sample.id == "5" else float(sample.id > "4") for sample in samples]

    once = plan(
        rewards=[Reward(name="right", weight=1.0, score=score)], rounds=SelectionSettings(fixed=8), check=lambda: None
    )
    statistics = select(once, FakeEngine(), tmp_path)
    assert statistics[5].rollouts == 0
    assert scored.count("5") == 16
    assert "warning: 8 responses have no reward and do not count" in capsys.readouterr().err
    scored.clear()
    assert select(once, FakeEngine(), tmp_path, settled=True) == statistics  # It is trained on already.
    assert scored == []
    mended = plan(rewards=plan().rewards, rounds=SelectionSettings(fixed=8))
    assert select(mended, FakeEngine(), tmp_path)[5].rollouts == 8


def signal(value, *, of):
    """A reward of the prompts of `of`; of the others, and of responses that failed, there is no signal."""

    def score(samples, responses):
        return [
            value(response) if sample.id in of and not response.error else None
            for sample, response in zip(samples, responses, strict=True)
        ]

    return score


def test_a_reward_without_a_signal_on_a_prompt_counts_nothing_there(tmp_path, capsys):
    """As in training: all rows of the other prompts would be lost, or all of this one."""
    weight, extra, most = plan().rewards[0], {"1", "2"}, SelectionSettings(fixed=8)
    own = Reward(name="own:reward", weight=0.5, score=signal(lambda response: 1.0, of=extra))
    without = select(plan(rounds=most), FakeEngine(), tmp_path / "without")
    capsys.readouterr()
    found = select(plan(rounds=most, rewards=[weight, own]), FakeEngine(), tmp_path / "own")
    for item, base in zip(found, without, strict=True):
        assert (item.rollouts, item.variance) == (base.rollouts, base.variance)
        assert item.mean == (None if base.mean is None else base.mean + 0.5 * (item.id in extra))
    told = capsys.readouterr().err
    assert "selection: 80 rollouts, 8.0 a prompt" in told
    assert "warning: reward 'own:reward' gave no signal on 56 of 80 responses" in told
    assert "do not count" not in told


def test_key_steps_are_not_waited_for_where_a_row_has_none(tmp_path, capsys):
    asked = []

    def score(samples, responses):
        asked.append(len(samples))
        return [None] * len(samples)

    rewards = [*plan().rewards, Reward(name="key_steps", weight=1.0, score=score)]
    select(plan(rewards=rewards, rounds=SelectionSettings(fixed=8), check=Judged().check), FakeEngine(), tmp_path)
    assert sum(asked) == 80
    select(plan(rewards=rewards, rounds=SelectionSettings(fixed=8)), FakeEngine(), tmp_path)
    assert "scored again" not in capsys.readouterr().err


def test_a_signal_now_and_then_counts_as_the_mean_of_its_others(tmp_path):
    numbers = iter(range(10**6))
    now = Reward(
        name="own:now",
        weight=1.0,
        score=lambda samples, _: [float(n) if (n := next(numbers)) < 2 else None for _ in samples],
    )
    steady = Reward(name="steady", weight=1.0, score=lambda samples, _: [1.0] * len(samples))
    one = plan(examples=plan().examples[3:5], rewards=[now, steady], rounds=SelectionSettings(fixed=4, keep=1.0))
    first, broken = select(one, FakeEngine(), tmp_path)
    assert (first.rollouts, first.mean, broken.rollouts) == (4, 1.5, 0)


def test_a_part_is_kept_that_comes_later_while_another_never_does(tmp_path):
    never = Reward(name="own:never", weight=1.0, score=lambda samples, _: [None] * len(samples))
    late = Judged(fails_from=0)
    once = plan(rewards=[never, late.rewards()[1]], rounds=SelectionSettings(fixed=8), check=late.check)
    with pytest.raises(ModelError, match="does not answer"):
        select(once, FakeEngine(), tmp_path)
    late.fails_from, back = None, replace(once, check=lambda: None)
    assert [item.rollouts for item in select(back, FakeEngine(), tmp_path)] == [8, 8, 8, 8, 0, 8, 8, 8, 8, 8]


def test_a_reward_that_reads_tokens_goes_on_when_it_is_mended(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeEngine, "_answer", with_tokens(FakeEngine._answer))

    def broken(samples, responses):
        raise ModelError("broken")

    def mended(samples, responses):
        return [len(r.text) / r.completion_tokens for r in responses]

    reward = Reward(name="own:short", weight=1.0, score=broken)
    with pytest.raises(ModelError, match="broken"):
        select(plan(rewards=[reward]), FakeEngine(), tmp_path)
    assert select(plan(rewards=[replace(reward, score=mended)]), FakeEngine(), tmp_path)[3].rollouts


def test_separators_and_half_characters_in_ids_and_responses(tmp_path, monkeypatch):
    def answer(self, request, row, decoding):
        return Response(sample_id=request.sample_id, text=f"{row % 2 == 0}\u2028\u2029\x85\ud83d")

    monkeypatch.setattr(FakeEngine, "_answer", answer)
    odd = [
        Example(sample=Sample(id=f"{n}\u2028", task="train", target="yes", answer_kind="yes_no", question="?"))
        for n in range(4)
    ]
    reward = Reward(
        name="right", weight=1.0, score=lambda samples, responses: [float("True" in r.text) for r in responses]
    )
    statistics = select(plan(examples=odd, rewards=[reward]), FakeEngine(), tmp_path)
    again = FakeEngine()
    assert select(plan(examples=odd, rewards=[reward]), again, tmp_path) == statistics
    assert again.asked == []
    assert read_rollouts(tmp_path)[0]["text"].endswith("\u2028\u2029\x85?")


def test_other_settings_are_refused_unless_fresh(tmp_path):
    select(plan(), FakeEngine(), tmp_path)
    other = plan(settings={"weights": "other", "seed": 5})
    with pytest.raises(StoreError, match="weights"):
        select(other, FakeEngine(), tmp_path)
    engine = FakeEngine()
    select(other, engine, tmp_path, fresh=True)
    assert engine.loads == 1


def test_a_subset_without_prompts_is_refused(tmp_path):
    always = Reward(name="one", weight=1.0, score=lambda samples, responses: [1.0] * len(responses))
    with pytest.raises(DataError, match="no prompt is 'easy'"):
        select(plan(rewards=[always], rounds=SelectionSettings(subset="easy")), FakeEngine(), tmp_path)


def test_no_reward_at_all_is_an_error(tmp_path):
    never = Reward(name="none", weight=1.0, score=lambda samples, responses: [None] * len(responses))
    with pytest.raises(DataError, match="no rollout has a reward"):
        select(plan(rewards=[never]), FakeEngine(), tmp_path)
