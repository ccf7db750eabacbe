"""Is this series fit to learn from? One look at every frame, and findings in words, before anything is trained.

`measures` looks at every frame once and keeps a few numbers of each; the checks turn these into findings: a sentence, how
serious it is, and what to do. A check never changes a series: what does not belong is offered to be left out, never dropped.
How predictable the series is needs a metric and is judged in evaluation/predictability.py.
"""
