"""What moves decisions on, and what stands beside their way.

On the way: `configuration` says what is in force, `admission` whether there is room, `intake` makes a question durable,
`deciding` asks, steps and settles. Behind it `keeping` moves on what stood still, `feed` and `webhooks` tell of
outcomes. Beside it stand `audits`, `certificates`, `shadows` and `health`.
"""
