// Nothing: what starting and ending any Swift program costs.
