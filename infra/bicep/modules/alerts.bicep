metadata name = 'Alerts'
metadata description = '''Who is told when the platform fails, and a page to look at.

Owns: the action group, the alert rules, the workbook.
Does not own: alerts about backups (failed, late, damaged, unusual). The product raises those itself and tells whom each tenant names
(docs/OPERATIONS.md). It cannot tell that it does not run; that is what these are for.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Mail addresses that are told. None: the rules are there, and say so in the portal only.')
param recipients string[]

@description('Required. Log Analytics workspace with the app\'s logs.')
param workspaceId string

@description('Required. Resource id of the catalogue\'s server.')
param catalogueId string

@description('Required. Connections that the catalogue\'s server takes.')
param catalogueConnections int

@description('Required. Resource id of the vault\'s storage account.')
param vaultId string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Variables //
// ========= //

// The timer look_after runs every minute on some instance (http_api/timers.py). Functions that are asked by HTTP have a Url, the others have none.
var logRules = [
  {
    name: 'app-does-not-run'
    says: 'The timer look_after has not ended well for 15 minutes: the app is down, or cannot reach the catalogue. See docs/OPERATIONS.md.'
    query: 'AppRequests | where Name == "look_after" and Success'
    operator: 'LessThan'
    threshold: 1
    severity: 1
  }
  {
    name: 'functions-fail'
    says: 'Timers, orchestrations or activities end with errors. An activity raises only what is a bug, or what killed it.'
    query: 'AppRequests | where isempty(Url) and not(Success)'
    operator: 'GreaterThan'
    threshold: 5
    severity: 2
  }
  {
    name: 'api-fails'
    says: 'The API or the pages answer 5xx.'
    query: 'AppRequests | where isnotempty(Url) and toint(ResultCode) >= 500'
    operator: 'GreaterThan'
    threshold: 10
    severity: 2
  }
]
var metricRules = [
  {
    name: 'catalogue-is-down'
    says: 'The catalogue\'s server does not answer. Runs wait; nothing is lost.'
    on: catalogueId
    metric: 'is_db_alive'
    aggregation: 'Maximum'
    operator: 'LessThan'
    threshold: 1
    severity: 1
  }
  {
    name: 'catalogue-disk'
    says: 'The catalogue\'s disk is 85 % full. It grows by itself, as long as the service lets it: look what takes the room.'
    on: catalogueId
    metric: 'storage_percent'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 85
    severity: 2
  }
  {
    name: 'catalogue-processor'
    says: 'The catalogue\'s server works at 90 % of its processors or more: a larger size, or fewer runs at once.'
    on: catalogueId
    metric: 'cpu_percent'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 90
    severity: 3
  }
  {
    name: 'catalogue-connections'
    says: 'Four fifths of the connections that the catalogue\'s server takes are in use: fewer instances, or a larger size.'
    on: catalogueId
    metric: 'active_connections'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: catalogueConnections * 4 / 5
    severity: 2
  }
  {
    name: 'vault-availability'
    says: 'The vault\'s storage account answers less than 99 % of requests.'
    on: vaultId
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    severity: 2
  }
]

// ========= //
// Resources //
// ========= //

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(recipients)) {
  name: 'ag-afb-${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'afb'
    enabled: true
    emailReceivers: [for (address, index) in recipients: { name: 'mail${index}', emailAddress: address, useCommonAlertSchema: true }]
  }
}

resource logRule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in logRules: {
    name: 'afb-${rule.name}-${token}'
    location: location
    tags: tags
    properties: {
      displayName: 'Azure Files Backup: ${rule.name}'
      description: rule.says
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      skipQueryValidation: true // the tables come with the first log line
      criteria: {
        allOf: [{ query: rule.query, timeAggregation: 'Count', operator: rule.operator, threshold: rule.threshold }]
      }
      actions: { actionGroups: empty(recipients) ? [] : [group.id] }
    }
  }
]

resource metricRule 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in metricRules: {
    name: 'afb-${rule.name}-${token}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.says
      severity: rule.severity
      enabled: true
      scopes: [rule.on]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
          }
        ]
      }
      actions: empty(recipients) ? [] : [{ actionGroupId: group.id }]
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'afb-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Azure Files Backup'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}
