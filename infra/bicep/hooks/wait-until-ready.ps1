# As wait-until-ready.sh, for Windows.
$ErrorActionPreference = 'Stop'
if (-not $env:AFB_URL) { throw 'AFB_URL is not set: azd sets it from the outputs of main.bicep' }
$url = "$env:AFB_URL/api/health"
$tries = if ($env:AFB_READY_TRIES) { [int]$env:AFB_READY_TRIES } else { 60 }
$pause = if ($env:AFB_READY_PAUSE_S) { [int]$env:AFB_READY_PAUSE_S } else { 10 }
if ($tries -eq 0) { Write-Host "AFB_READY_TRIES is 0: nobody looks whether the app answers at $url"; exit 0 }
for ($left = $tries; $left -gt 0; $left--) {
  try {
    $answer = Invoke-RestMethod -Uri $url -TimeoutSec 60
    Write-Host "the app answers at ${url}: $($answer | ConvertTo-Json -Compress)"
    exit 0
  } catch {
    $why = $_.Exception.Message
    if ($left -gt 1) { Start-Sleep -Seconds $pause }
  }
}
Write-Host "the app does not answer at ${url}: $why"
Write-Host 'hint: where its address is closed to this machine, set AFB_READY_TRIES=0 and look from inside; else the log says why: the query AppTraces | where SeverityLevel >= 3 in the workspace'
exit 1
