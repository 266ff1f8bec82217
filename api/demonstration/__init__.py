"""``zorgsluis demo``: the main job on a sample ECD and a sample portal, over real sockets, judged by the portal's own store."""
