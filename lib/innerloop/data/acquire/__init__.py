"""Getting a data set's files: own copies first, then mirrors; verified before use."""
