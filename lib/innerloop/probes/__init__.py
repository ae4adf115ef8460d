"""What adaptation changes: measurements on trained models."""

#: Short names of the built-in probes; anything else is an entry such as `my_probe.py:probe`.
PROBES: dict[str, str] = {
    "cka": "innerloop.probes.cka:cka",
    "protonet": "innerloop.probes.protonet:protonet",
    "scale_invariance": "innerloop.probes.scale_invariance:scale_invariance",
}
