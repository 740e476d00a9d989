metadata name = 'Monitoring'
metadata description = '''Where logs and metrics of all resources go.

Owns: the Log Analytics workspace and Application Insights.
Does not own: what is looked at (alerts.bicep), or the app's own metrics and traces, which are off until they are asked for (docs/OBSERVABILITY.md).

What the app logs has ids and no paths. Whoever sends telemetry needs a token: keys are switched off.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Days that logs are kept, 30 to 730. The first 31 are in the price of taking them in.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Required. Gigabytes a day after which no more is taken in, so that a fault that logs in a circle has a price: "2", "0.5".')
param dailyGb string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Resources //
// ========= //

module workspace 'br/public:avm/res/operational-insights/workspace:0.16.1' = {
  name: '${deployment().name}-workspace'
  params: {
    name: 'log-afb-${token}'
    location: location
    tags: tags
    dataRetention: retentionDays
    dailyQuotaGb: dailyGb
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    enableTelemetry: false
  }
}

module insights 'br/public:avm/res/insights/component:0.8.0' = {
  name: '${deployment().name}-insights'
  params: {
    name: 'appi-afb-${token}'
    location: location
    tags: tags
    workspaceResourceId: workspace.outputs.resourceId
    disableLocalAuth: true
    disableIpMasking: false
    retentionInDays: 90
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Resource id of the workspace.')
output workspaceId string = workspace.outputs.resourceId

@description('Name of Application Insights.')
output insightsName string = insights.outputs.name

@description('Resource id of Application Insights.')
output insightsId string = insights.outputs.resourceId

@description('Where telemetry is sent. It is an address: who sends shows a token.')
output connectionString string = insights.outputs.connectionString
