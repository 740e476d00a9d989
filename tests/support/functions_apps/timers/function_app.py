"""Timers that write down when they ran, one line each, into the file named by RECORD."""

import json
import os
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _record(name, timer, **more):
    line = {"name": name, "pid": os.getpid(), "past_due": timer.past_due, "at": time.time(), **more}
    with open(os.environ["RECORD"], "a") as record:
        record.write(json.dumps(line) + "\n")


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def each_second(timer: func.TimerRequest):
    begun = time.time()
    time.sleep(0.3)
    _record("each_second", timer, begun=begun)


@app.timer_trigger(arg_name="timer", schedule="%YEARLY%", run_on_startup=True)
async def at_start(timer: func.TimerRequest):
    _record("at_start", timer)


@app.timer_trigger(arg_name="timer", schedule="%YEARLY%", use_monitor=False)
def unwatched(timer: func.TimerRequest):
    _record("unwatched", timer)


@app.timer_trigger(arg_name="timer", schedule="%YEARLY%")
def watched(timer: func.TimerRequest):
    _record("watched", timer)
    raise RuntimeError("the schedule goes on")
