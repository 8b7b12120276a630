"""`adjudge streams`: what operators do with workers and messages, and running an app of one's own."""

from adjudge.cli.grouping import group
from adjudge.cli.streams import dead_letters, describing, looking, pausing, running, top

app = group("Look after workers and their messages, or run an app of your own.")

app.command("run")(running.run)
app.command("ls")(looking.list_names)
app.command("show")(looking.show)
app.command("pending")(looking.list_pending)
app.command("consumers")(looking.list_consumers)
app.command("dead")(dead_letters.dead)
app.command("replay")(dead_letters.replay)
app.command("drop")(dead_letters.drop)
app.command("pause")(pausing.pause)
app.command("resume")(pausing.resume)
app.command("top")(top.top)
app.command("asyncapi")(describing.print_asyncapi)
