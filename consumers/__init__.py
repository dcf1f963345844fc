"""What runs all the time: woken by AMQP or by the clock, one service call, settled in one place."""
