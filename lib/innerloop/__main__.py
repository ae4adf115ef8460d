"""`python -m innerloop`: the console script, where it is not on the path."""

from innerloop.commands import main

main()
