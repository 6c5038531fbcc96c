"""HallusionBench for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
doc_to_visual = plugin.doc_to_visual
doc_to_text = plugin.doc_to_text
doc_to_messages = plugin.doc_to_messages
process_results = TASK.process_results("mean", "aAcc", "fAcc", "qAcc", "official_mean")

mean = TASK.aggregate("with_figure/mean")
aAcc = TASK.aggregate("with_figure/aAcc")
fAcc = TASK.aggregate("with_figure/fAcc")
qAcc = TASK.aggregate("with_figure/qAcc")
official_mean = TASK.aggregate("with_figure/mean", official=True)
