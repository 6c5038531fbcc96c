"""CHAIR (512 tokens) for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results(
    "f1", "chair_s", "chair_i", "recall", "official_chair_s", "official_chair_i", "official_recall"
)

f1 = TASK.aggregate("all/f1")
chair_s = TASK.aggregate("all/chair_s")
chair_i = TASK.aggregate("all/chair_i")
recall = TASK.aggregate("all/recall")
official_chair_s = TASK.aggregate("all/chair_s", official=True)
official_chair_i = TASK.aggregate("all/chair_i", official=True)
official_recall = TASK.aggregate("all/recall", official=True)
