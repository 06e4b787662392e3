"""What can be asked of a corpus and a recipe: evaluate, train, robustness, enrolment, ..."""
