"""DASH-B for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("accuracy", "harmonic_mean", "tpr", "tnr", "official_accuracy")

accuracy = TASK.aggregate("all/accuracy")
harmonic_mean = TASK.aggregate("all/harmonic_mean")
tpr = TASK.aggregate("all/tpr")
tnr = TASK.aggregate("all/tnr")
official_accuracy = TASK.aggregate("all/accuracy", official=True)
