"""Lets functions import the context type by the name it has on AWS. The runtime itself is `lambdad_runtime`."""
