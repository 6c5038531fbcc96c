"""AMBER for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("accuracy", "f1", "balanced_accuracy", "official_accuracy", "official_f1")

accuracy = TASK.aggregate("all/accuracy")
f1 = TASK.aggregate("all/f1")
balanced_accuracy = TASK.aggregate("all/balanced_accuracy")
official_accuracy = TASK.aggregate("all/accuracy", official=True)
official_f1 = TASK.aggregate("all/f1", official=True)
