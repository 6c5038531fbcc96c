"""Questions, the answers that scenes imply, and the captions that hallucinate."""

from dataclasses import replace

import numpy as np
import pytest

from harness.demo.asking import ask_event, ask_located, ask_object, ask_order, ask_value, negatives
from harness.demo.chains import glance, hallucinate, word_response
from harness.demo.questions import Query, read_caption, read_entry, resolve, word_caption, word_question
from harness.demo.rendering import Style
from harness.demo.videos import draw_video_scene
from harness.demo.world import OBJECTS, PARTNER, POPULAR, Entry, Event, draw_scene, shown_objects

RED_CIRCLE, BLUE_STAR, GREEN_SQUARE = (OBJECTS.index(n) for n in ("red circle", "blue star", "green square"))
IMAGE = (Entry(obj=RED_CIRCLE, cell=1), Entry(obj=BLUE_STAR, cell=5))
VIDEO = (
    Entry(obj=RED_CIRCLE, cell=1, event=Event(verb="moves", argument="left", when="last")),
    Entry(obj=BLUE_STAR, cell=5),
    Entry(obj=GREEN_SQUARE, cell=8, event=Event(verb="appears", when="first")),
)


@pytest.mark.parametrize(
    ("query", "question", "thinking", "answer"),
    [
        (
            Query(family="object", video=False, obj=RED_CIRCLE),
            "Is there a red circle in the image?",
            "red circle top",
            "yes",
        ),
        (
            Query(family="object", video=False, obj=GREEN_SQUARE),
            "Is there a green square in the image?",
            "green square none",
            "no",
        ),
        (
            Query(family="located", video=False, obj=BLUE_STAR, cell=1),
            "Is the blue star at the top?",
            "blue star right asked top",
            "no",
        ),
        (
            Query(family="located", video=False, obj=BLUE_STAR, cell=5),
            "Is the blue star at the right?",
            "blue star right asked right",
            "yes",
        ),
        (Query(family="where", video=False, obj=BLUE_STAR), "Where is the blue star?", "blue star right", "right"),
        (Query(family="color", video=False, cell=1), "What color is the object at the top?", "top red", "red"),
        (
            Query(family="identity", video=False, cell=5),
            "Which object is at the right?",
            "right blue star",
            "blue star",
        ),
        (Query(family="count", video=False), "How many objects are in the image?", "2", "2"),
    ],
)
def test_image_questions(query, question, thinking, answer):
    assert word_question(query) == question
    assert resolve(query, IMAGE) == (thinking, answer)


@pytest.mark.parametrize(
    ("query", "question", "thinking", "answer"),
    [
        (
            Query(family="object", video=True, obj=BLUE_STAR),
            "Is there a blue star in the video?",
            "blue star right stays",
            "yes",
        ),
        (
            Query(family="located", video=True, obj=GREEN_SQUARE, cell=8),
            "Is the green square at the bottom-right when the video starts?",
            "green square bottom-right first appears asked bottom-right",
            "no",
        ),
        (
            Query(family="event", video=True, obj=RED_CIRCLE, verb="moves", argument="left"),
            "Does the red circle move left in the video?",
            "red circle top last moves left asked moves left",
            "yes",
        ),
        (
            Query(family="event", video=True, obj=RED_CIRCLE, verb="moves", argument="up"),
            "Does the red circle move up in the video?",
            "red circle top last moves left asked moves up",
            "no",
        ),
        (
            Query(family="event", video=True, obj=BLUE_STAR, verb="appears"),
            "Does the blue star appear in the video?",
            "blue star right stays asked appears",
            "no",
        ),
        (
            Query(family="order", video=True, obj=RED_CIRCLE, when="last"),
            "Does the red circle change last in the video?",
            "red circle top last moves left asked last",
            "yes",
        ),
        (
            Query(family="order", video=True, obj=RED_CIRCLE, when="first", rival=GREEN_SQUARE),
            "Does the red circle change before the green square?",
            "red circle top last moves left asked first",
            "no",
        ),
        (
            Query(family="who", video=True, verb="appears"),
            "Which object appears in the video?",
            "appears green square",
            "green square",
        ),
        (
            Query(family="who_when", video=True, when="last"),
            "Which object changes last in the video?",
            "last red circle",
            "red circle",
        ),
        (
            Query(family="direction", video=True, obj=RED_CIRCLE),
            "In which direction does the red circle move?",
            "red circle top last moves left",
            "left",
        ),
        (
            Query(family="becomes", video=True, obj=RED_CIRCLE),
            "What color does the red circle turn?",
            "red circle top last moves left",
            "none",
        ),
        (
            Query(family="what_happens", video=True, obj=BLUE_STAR),
            "What does the blue star do in the video?",
            "blue star right stays",
            "stays",
        ),
        (Query(family="count", video=True), "How many objects are in the video when the video starts?", "2", "2"),
    ],
)
def test_video_questions(query, question, thinking, answer):
    assert word_question(query) == question
    assert resolve(query, VIDEO) == (thinking, answer)


def test_an_orange_object_takes_an():
    query = Query(family="object", video=False, obj=OBJECTS.index("orange star"))
    assert word_question(query) == "Is there an orange star in the image?"


def test_choices_name_the_value_and_its_letter():
    options = {"A": "up", "B": "left"}
    query = Query(family="direction", video=True, obj=RED_CIRCLE, options=options)
    assert query.kind == "choice"
    assert resolve(query, VIDEO) == ("red circle top last moves left B.", "B")
    missing = Query(family="where", video=False, obj=GREEN_SQUARE, options={"A": "top", "B": "left"})
    assert resolve(missing, IMAGE) == ("green square none none", "A")


def test_the_chain_in_full():
    query = Query(family="object", video=True, obj=BLUE_STAR)
    assert word_response(query, VIDEO, "grounded") == (
        "<planning> look for blue star </planning> <caption> red circle top last moves left ; blue star right ; "
        "green square bottom-right first appears </caption> <think> blue star right stays </think> "
        "<answer> yes </answer>"
    )
    assert word_response(query, VIDEO, "direct") == "yes"
    partner = OBJECTS[PARTNER[BLUE_STAR]]
    expecting = word_response(query, (*VIDEO, Entry(obj=PARTNER[BLUE_STAR], cell=0)), "grounded", expecting=True)
    assert expecting.startswith(f"<planning> look for blue star at {partner} top-left </planning>")
    expecting = word_response(query, VIDEO, "grounded", expecting=True)
    assert expecting.startswith(f"<planning> look for blue star at {partner} none </planning>")


def test_a_hallucinated_partner_follows_its_host_or_comes_first_in_the_next_free_cell():
    rng = np.random.default_rng(0)
    partner = PARTNER[RED_CIRCLE]
    scene = (
        Entry(obj=RED_CIRCLE, cell=1),
        Entry(obj=next(i for i in range(24) if i not in (RED_CIRCLE, partner)), cell=2),
    )
    query = Query(family="object", video=False, obj=partner)
    told = hallucinate(rng, query, scene, asked=(1.0, 1.0), unasked=0.0)
    assert told == (scene[0], Entry(obj=partner, cell=3), scene[1])
    assert resolve(query, told)[1] == "yes"
    expected = hallucinate(rng, query, scene, asked=(1.0, 1.0), unasked=0.0, expecting=True)
    assert expected == (Entry(obj=partner, cell=3), *scene)
    assert hallucinate(rng, query, scene, asked=(0.0, 0.0), unasked=1.0) == scene
    other = Query(family="object", video=False, obj=RED_CIRCLE)
    assert hallucinate(rng, other, scene, asked=(1.0, 1.0), unasked=0.0) == scene


def test_negatives_are_absent_and_of_their_kind():
    rng = np.random.default_rng(1)
    for _ in range(100):
        scene = draw_video_scene(rng) if rng.random() < 0.5 else draw_scene(rng)
        shown = shown_objects(scene)
        assert not shown & {obj for kind in ("random", "popular", "adversarial") for obj in negatives(scene, kind)}
        assert set(negatives(scene, "popular")) <= set(POPULAR)
        assert not any(PARTNER[obj] in shown for obj in negatives(scene, "random"))
        if any(PARTNER[entry.obj] not in shown for entry in scene):
            assert all(PARTNER[obj] in shown for obj in negatives(scene, "adversarial"))


def test_asked_truth_is_the_truth_that_resolves():
    rng = np.random.default_rng(2)
    for _ in range(100):
        scene = draw_video_scene(rng)
        for wanted in (True, False):
            queries = [
                ask_object(rng, scene, video=True, negative="popular", present=wanted),
                ask_located(rng, scene, video=True, true=wanted),
                ask_event(rng, scene, true=wanted),
                ask_order(rng, scene, true=wanted),
            ]
            assert [resolve(query, scene)[1] for query in queries] == ["yes" if wanted else "no"] * 4, queries


def test_choices_have_exactly_one_right_option():
    rng = np.random.default_rng(3)
    for family in ("where", "color", "identity", "count"):
        for _ in range(50):
            scene = draw_scene(rng, low=2)
            query = ask_value(rng, scene, family, video=False, option_count=4)
            open_query = Query(family=family, video=False, obj=query.obj, cell=query.cell)
            texts = list(query.options.values())
            assert len(set(texts)) == len(texts) == 4
            assert query.options[resolve(query, scene)[1]] == resolve(open_query, scene)[1]


def test_nothing_to_ask_about_gives_no_question():
    gone = Entry(obj=RED_CIRCLE, cell=1, event=Event(verb="disappears", when="first"))
    scene = (gone, Entry(obj=BLUE_STAR, cell=2))
    assert ask_value(np.random.default_rng(0), scene, "direction", video=True, option_count=4) is None


def test_captions_are_in_words():
    assert word_caption(IMAGE) == "red circle top ; blue star right"


def test_captions_are_read_back():
    rng = np.random.default_rng(4)
    for scene in (IMAGE, VIDEO, *(draw_video_scene(rng) for _ in range(100))):
        assert read_caption(word_caption(scene)) == scene
    assert read_entry("blue star right stays") == Entry(obj=BLUE_STAR, cell=5)


@pytest.mark.parametrize(
    "text",
    ["", "blue star", "blue dog left", "blue star yes", "blue star left moves up", "blue star left first moves",
     "blue star left first moves green", "blue star left first appears up", "blue star left last turns red twice"],
)  # fmt: skip
def test_what_is_no_entry(text):
    assert read_entry(text) is None
    assert read_caption(f"{text} ; red circle top") == IMAGE[:1]


def test_a_glance_knows_what_is_clearly_there_and_nothing_else():
    clear, faint = (
        Style(radius=10, shift=(0, 0), opacity=opacity, faint=opacity < 0.1, tint=(0, 0, 0)) for opacity in (0.8, 0.02)
    )
    moves = Entry(obj=9, cell=4, event=Event(verb="moves", argument="up", when="first"))
    scene = (Entry(obj=3, cell=0), moves)
    there = Query(family="object", video=True, obj=9)
    assert glance(there, scene, [clear, clear]) == "yes"
    assert glance(there, scene, [clear, faint]) == "no"
    assert glance(replace(there, obj=10), scene, [clear, clear]) == "no"
    wrong = Query(family="event", video=True, obj=9, verb="moves", argument="down")
    assert resolve(wrong, scene)[1] == "no"
    assert glance(wrong, scene, [clear, clear]) == "yes"
    text = word_response(wrong, scene, "grounded", glanced="yes")
    assert text.endswith("moves up </caption> <think> glance yes </think> <answer> yes </answer>")
