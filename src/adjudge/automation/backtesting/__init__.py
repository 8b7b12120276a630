"""What policies would have done on a labelled set: random halves, one to learn and certify on, one to be judged on.

Pure: arrays in, figures and rows out. Reading folders is `labelled`, writing files is `cli`.
"""
