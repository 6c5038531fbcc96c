"""MMBench for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("circular", "vanilla", "official_circular")

circular = TASK.aggregate("all/circular")
vanilla = TASK.aggregate("all/vanilla")
official_circular = TASK.aggregate("all/circular", official=True)
