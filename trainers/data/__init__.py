"""Training data: one JSONL schema, its validation, and converters from published formats."""

from typing import Final

SCHEMA: Final = """\
training data, one JSON object a line:
  {"id": "17/3", "media": ["images/17.png"], "question": "Is there a dog?", "answer": "no", "answer_kind": "yes_no"}

  id           text or a whole number, unique in the file
  media        optional: a list, in the order in which they precede the question, of paths or of
               {"kind": "video", "path": ...}; without "kind" the file name tells image or video; relative to the
               file's folder, or to the media root
  question     the question alone, without options and without instructions
  choices      for the answer kind "choice": option texts by letter, or a list of texts, which get A, B, C, ...
  answer       yes or no, an option's letter, or text; a number may be written as one
  answer_kind  yes_no, choice or open
  response     for supervised fine-tuning: the whole response to learn, with its sections

Other fields are ignored."""
"""What `harness data --help` prints of the schema."""
