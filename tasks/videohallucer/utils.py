"""VideoHallucer for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

load_docs = plugin.load_docs
doc_to_visual = plugin.doc_to_visual
doc_to_text = plugin.doc_to_text
doc_to_messages = plugin.doc_to_messages
process_results = plugin.process_results("both", "basic", "hallucinated", "official_both")

both = plugin.aggregate("videohallucer", "mean/both")
basic = plugin.aggregate("videohallucer", "mean/basic")
hallucinated = plugin.aggregate("videohallucer", "mean/hallucinated")
official_both = plugin.aggregate("videohallucer", "mean/both", official=True)
