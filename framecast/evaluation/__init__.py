"""From forecasts to judgement: scores per lead and origin, skill, a table, a sentence, maps of the error.

Everything is measured against persistence on the same frames; nothing here ever shows a number without the lead, origin
and forecaster it belongs to.
"""
