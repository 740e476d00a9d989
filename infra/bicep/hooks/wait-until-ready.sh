#!/bin/sh
# After a deployment: wait until the app answers. It answers when its settings are complete, the catalogue lets it in, and the
# migrations that come before its code are applied, so that a deployment which cannot work is one that failed.
set -eu
url="${AFB_URL:?azd sets it from the outputs of main.bicep}/api/health"
tries="${AFB_READY_TRIES:-60}"
pause_s="${AFB_READY_PAUSE_S:-10}"
answer=
if [ "$tries" -eq 0 ]; then
  echo "AFB_READY_TRIES is 0: nobody looks whether the app answers at $url"
  exit 0
fi
while [ "$tries" -gt 0 ]; do
  if answer=$(curl --silent --show-error --fail --max-time 60 "$url" 2>&1); then
    echo "the app answers at $url: $answer"
    exit 0
  fi
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] && sleep "$pause_s"
done
echo "the app does not answer at $url: $answer" >&2
echo "hint: where its address is closed to this machine, set AFB_READY_TRIES=0 and look from inside; else the log says why: the query AppTraces | where SeverityLevel >= 3 in the workspace" >&2
exit 1
