"""What may be wrong with a forecast, one subject a file. Each fault is a pure function of a Case to a Finding or to None."""
