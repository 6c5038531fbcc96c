"""MMBench for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

load_docs = plugin.load_docs
doc_to_visual = plugin.doc_to_visual
doc_to_text = plugin.doc_to_text
doc_to_messages = plugin.doc_to_messages
process_results = plugin.process_results("circular", "vanilla", "official_circular")

circular = plugin.aggregate("mmbench", "all/circular")
vanilla = plugin.aggregate("mmbench", "all/vanilla")
official_circular = plugin.aggregate("mmbench", "all/circular", official=True)
