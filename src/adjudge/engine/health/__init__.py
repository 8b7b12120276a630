"""How a process and the whole system are: probes, gauges, breakers, and what happens on the streams."""
