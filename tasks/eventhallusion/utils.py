"""EventHallusion for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("balanced_accuracy", "accuracy", "official_accuracy")

balanced_accuracy = TASK.aggregate("all/balanced_accuracy")
accuracy = TASK.aggregate("all/accuracy")
official_accuracy = TASK.aggregate("all/accuracy", official=True)
