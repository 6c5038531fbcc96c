"""MMHal-Bench for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("right", "rating", "hallucination", "official_rating", "official_hallucination")

right = TASK.aggregate("all/right")
rating = TASK.aggregate("all/rating")
hallucination = TASK.aggregate("all/hallucination")
official_rating = TASK.aggregate("all/rating", official=True)
official_hallucination = TASK.aggregate("all/hallucination", official=True)
