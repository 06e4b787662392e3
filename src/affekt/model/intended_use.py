"""Intended use and its limits, including the law of the European Union: a text for the app, one for cards.

Source of the law: Regulation (EU) 2024/1689 (Artificial Intelligence Act), Article 5(1)(f), Annex III,
point 1(c), and Article 50(3).
"""

from __future__ import annotations

LAW = (
    "In the European Union, Article 5(1)(f) of Regulation (EU) 2024/1689 (the AI Act) prohibits AI systems "
    "that infer emotions of natural persons in the workplace and in education institutions, except for "
    "medical or safety reasons. Other emotion recognition systems are high-risk (Annex III, point 1(c)), "
    "and the people exposed to them must be informed (Article 50(3))."
)
"""What the AI Act says about emotion recognition."""

SHORT = (
    "A prediction describes how a recording sounds, not what the speaker feels. Do not base decisions "
    f"about a person on it. {LAW}"
)
"""Two or three sentences for the app."""

LONG = f"""## Intended use

The model predicts which emotion a speaker expresses in a recording. A prediction describes how the
recording sounds, not what the speaker feels. The model is intended for research, teaching, art and the
exploration of one's own recordings.

## Out of scope

- **Inferring the emotions of people at work or in education.** {LAW}
- Decisions about a person, such as hiring, insurance, policing, credit or health care.
- Recordings of people who do not know that a model analyses them, or who have not consented.
- Recordings unlike the training data listed below: other ages, languages, cultures, recording conditions
  or states of health, and spontaneous speech if the training data is acted. Evaluate the model on labelled
  recordings of that kind first.
"""
"""Two sections of Markdown for a model card."""
