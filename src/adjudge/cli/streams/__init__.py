"""`adjudge streams`: what operators do with workers and messages, and running an app of one's own."""

from adjudge.cli.grouping import group
from adjudge.cli.streams import describing, dying, halting, looking, running, topping

app = group("Look after workers and their messages, or run an app of your own.")

app.command("run")(running.run)
app.command("ls")(looking.list_names)
app.command("show")(looking.show)
app.command("pending")(looking.list_pending)
app.command("consumers")(looking.list_consumers)
app.command("dead")(dying.dead)
app.command("replay")(dying.replay)
app.command("drop")(dying.drop)
app.command("pause")(halting.pause)
app.command("resume")(halting.resume)
app.command("top")(topping.top)
app.command("asyncapi")(describing.print_asyncapi)
