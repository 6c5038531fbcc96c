"""MMVU for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("accuracy")

accuracy = TASK.aggregate("all/accuracy")
