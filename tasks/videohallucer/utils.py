"""VideoHallucer for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

TASK = plugin.functions(__file__)

load_docs = TASK.load_docs
process_results = TASK.process_results("both", "basic", "hallucinated", "official_both")

both = TASK.aggregate("mean/both")
basic = TASK.aggregate("mean/basic")
hallucinated = TASK.aggregate("mean/hallucinated")
official_both = TASK.aggregate("mean/both", official=True)
