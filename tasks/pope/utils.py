"""POPE for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("accuracy", "f1", "yes_ratio", "official_accuracy")

accuracy = TASK.aggregate("mean/accuracy")
f1 = TASK.aggregate("mean/f1")
yes_ratio = TASK.aggregate("mean/yes_ratio")
official_accuracy = TASK.aggregate("mean/accuracy", official=True)
