"""The data sets that Innerloop knows by name, one source file each.

Entries are strings, so that naming a data set imports no source, and editing one source file
rebuilds the images of that data set only.
"""

SOURCES: dict[str, str] = {
    "symbols": "innerloop.data.sources.symbols:source",
    "people": "innerloop.data.sources.people:source",
    "scripts": "innerloop.data.sources.scripts:source",
    "digits": "innerloop.data.sources.digits:source",
}
