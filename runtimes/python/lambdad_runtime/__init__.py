"""The runtime client behind bootstrap.py. Python 3.8 to 3.15, standard library only."""
