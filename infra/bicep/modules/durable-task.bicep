metadata name = 'Durable Task Scheduler'
metadata description = '''Where orchestrations are kept, for those who do not want them in the host's storage account.

Owns: the scheduler and its task hub.
Does not own: who may use it (roles.bicep), or that the host does: host.json says that (docs/DEPLOY.md).

A run is some dozens of activities a minute, which the storage account carries for cents. The scheduler pays off with hundreds of runs side by side.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region. Not every region has the service.')
param location string

@description('Required. Paid by the action, or by the month in capacity units: one is 2,000 actions a second.')
param plan 'Consumption' | 'Dedicated'

@description('Required. Address ranges that may call it, which takes a token all the same. The addresses that the app calls from are not known.')
param allowedRanges string[]

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Resources //
// ========= //

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' = {
  name: 'dts-afb-${token}'
  location: location
  tags: tags
  properties: {
    ipAllowlist: allowedRanges
    sku: plan == 'Dedicated' ? { name: plan, capacity: 1 } : { name: plan }
  }
}

resource taskHub 'Microsoft.DurableTask/schedulers/taskHubs@2025-11-01' = {
  parent: scheduler
  name: 'AzureFilesBackup' // hubName of host.json
}

// ======= //
// Outputs //
// ======= //

@description('Name of the scheduler.')
output name string = scheduler.name

@description('Name of the task hub.')
output taskHubName string = taskHub.name

@description('Where it answers.')
output endpoint string = scheduler.properties.endpoint
