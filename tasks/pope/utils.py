"""POPE for lmms-eval: see harness.lmms.plugin."""

from harness.lmms import plugin

load_docs = plugin.load_docs
doc_to_visual = plugin.doc_to_visual
doc_to_text = plugin.doc_to_text
doc_to_messages = plugin.doc_to_messages
process_results = plugin.process_results("accuracy", "f1", "yes_ratio", "official_accuracy")

accuracy = plugin.aggregate("pope", "mean/accuracy")
f1 = plugin.aggregate("pope", "mean/f1")
yes_ratio = plugin.aggregate("pope", "mean/yes_ratio")
official_accuracy = plugin.aggregate("pope", "mean/accuracy", official=True)
