"""How fast leads travel: the whole pipeline beside a bare batcher that does the least that could be called the same."""
