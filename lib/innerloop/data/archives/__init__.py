"""Reading other people's archives and pickles without letting them do anything."""
