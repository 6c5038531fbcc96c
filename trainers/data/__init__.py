"""Training data: one JSONL schema, its validation, and converters from published formats."""

from typing import Final, Literal

Grade = Literal["numerical", "regression", "ocr", "free_form"]
"""How an open answer is graded where `accuracy.graded` is set (see `trainers.rewards.graded`)."""
GRADE: Final = "grade"
"""The attribute of a training sample that holds its `Grade`."""
KEY_STEPS: Final = "key_steps"
"""The attribute that holds the wordings of each key step, as JSON."""
FACTS: Final = "facts"
"""The attribute that holds what is to be seen, as JSON."""
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
  grade        optional, of an open answer: how accuracy.graded=true rewards what is nearly right: numerical (the same
               to two decimals), regression (relative difference), ocr (word error rate) or free_form (ROUGE)
  key_steps    optional: what the reasoning has to hold, each a text or a list of wordings (rewards.key_steps)
  facts        optional: what is to be seen, a list of statements, or of questions with the answer yes
               (rewards.visual_facts)
  response     for supervised fine-tuning: the whole response to learn, with its sections

Other fields are ignored; but a row without media is refused where another field names some: image, images, video or
videos, or any with a path that ends as those of images and videos do."""
"""What `harness data --help` prints of the schema."""
