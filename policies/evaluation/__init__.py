"""Evaluation: what a policy reaches, in the paper's terms and in those of speech.

Materials (`materials`) are performed by systems (`systems`) on a stage (`stage`); what was wanted
and what was achieved is kept (`results`, `run`), measured (`distances`, `scores`), set beside the
bars (`bars`) and written down (`findings`, `tables`, `plot`).
"""
