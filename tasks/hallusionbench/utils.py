"""HallusionBench for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("mean", "aAcc", "fAcc", "qAcc", "official_mean")

mean = TASK.aggregate("with_figure/mean")
aAcc = TASK.aggregate("with_figure/aAcc")
fAcc = TASK.aggregate("with_figure/fAcc")
qAcc = TASK.aggregate("with_figure/qAcc")
official_mean = TASK.aggregate("with_figure/mean", official=True)
